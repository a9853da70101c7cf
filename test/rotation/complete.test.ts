import { describe, expect, test } from 'vitest';
import { complete } from '../../lib/rotation/complete.ts';
import { OrphanFound } from '../../lib/rotation/errors.ts';
import { labelOf, stageOf } from '../../lib/rotation/ids.ts';
import { plus } from '../../lib/usage/instant.ts';
import type { Hook } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import type { World, WorldOptions } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

async function aboutToComplete(options: WorldOptions = {}, before: (world: World) => void = () => {}) {
  const world = await aWorldWithKey(options);
  before(world);
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'complete' });
  return { world, ref };
}

describe('Complete', () => {
  test('gives the credential back and sets when the next rotation is due', async () => {
    const { world, ref } = await aboutToComplete();
    const now = world.clock.now();
    await expect(complete(world.ports(), ref)).resolves.toEqual({ status: 'completed' });
    expect((await world.view()).credential).toMatchObject({
      status: 'active',
      activeRotation: null,
      dueAt: plus(now, 7_776_000),
    });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed', endedAt: now });
    expect(world.metrics.at(-1)).toBe('RotationCompleted');
  });

  test('tells which key is dead, and how that was proven', async () => {
    const { world, ref } = await aboutToComplete();
    await complete(world.ports(), ref);
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Rotation Completed',
      detail: { generation: 2, oldKeyId: 'key-1', proof: { by: 'refusal' }, checks: 1 },
    });
  });

  test('lets Secrets Manager drop the dead key, and only that', async () => {
    const { world, ref } = await aboutToComplete();
    await complete(world.ports(), ref);
    const versions = await world.ports().secrets.versions(world.secretName);
    expect([...(versions?.values() ?? [])].flat().sort()).toEqual(['AWSCURRENT', 'AWSPREVIOUS', stageOf(2)]);
  });

  test('looks at the key that consumers used, not at an orphan of the same generation', async () => {
    const { world, ref } = await aboutToComplete({}, (fresh) => fresh.issuer.createThenFail());
    await complete(world.ports(), ref);
    world.clock.advance(86_400);
    await world.report();
    const next = await world.nextRotation();
    await runWorkflow(world, next);
    const used = (await world.keys()).find(({ generation, attempt }) => generation === 2 && attempt === 2);
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Rotation Completed',
      detail: { oldKeyId: used?.keyId, proof: { by: 'refusal' } },
    });
    const versions = await world.ports().secrets.versions(world.secretName);
    expect([...(versions?.values() ?? [])].flat()).not.toContain(stageOf(2));
  });

  test('is done once', async () => {
    const { world, ref } = await aboutToComplete();
    await complete(world.ports(), ref);
    const { length } = world.ledger.rows();
    await expect(complete(world.ports(), ref)).resolves.toEqual({ status: 'completed' });
    expect(world.ledger.rows()).toHaveLength(length);
    expect(world.metrics.filter((name) => name === 'RotationCompleted')).toHaveLength(2);
  });
});

describe('a key that shows up late', () => {
  test('is condemned when it carries our label', async () => {
    const { world, ref } = await aboutToComplete();
    const late = world.issuer.addForeignKey(labelOf(ref.rotationId, 1));
    world.clock.advance(10);
    await expect(complete(world.ports(), ref)).rejects.toThrow(OrphanFound);
    expect((await world.rotation(ref)).condemned).toMatchObject({ keyId: late.keyId, why: 'orphan' });
    await expect(complete(world.ports(), ref)).rejects.toThrow(OrphanFound);
  });

  test('is revoked and proven dead before the rotation ends', async () => {
    const { world, ref } = await aboutToComplete();
    world.issuer.addForeignKey(labelOf(ref.rotationId, 1));
    world.clock.advance(10);
    const { entered } = await runWorkflow(world, ref);
    expect(entered).toEqual(['begin', 'complete', 'revokeKey', 'proveDead', 'complete']);
    expect(world.issuer.liveKeys().map(({ keyId }) => keyId)).toEqual(['key-2']);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
  });

  test('is left alone when its label is not ours', async () => {
    const { world, ref } = await aboutToComplete();
    world.issuer.addForeignKey('somebody-else');
    world.clock.advance(10);
    await expect(complete(world.ports(), ref)).resolves.toEqual({ status: 'completed' });
    expect(world.issuer.liveKeys()).toHaveLength(2);
  });

  test('is told to a person where nobody can say whose it is, and the rotation ends all the same', async () => {
    const { world, ref } = await aboutToComplete({ capabilities: { named: false, exclusive: false } });
    const { keyId } = world.issuer.addForeignKey();
    world.clock.advance(10);
    await expect(complete(world.ports(), ref)).resolves.toEqual({ status: 'completed' });
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Rotation Completed',
      detail: { unknownKeyIds: [keyId] },
    });
    expect(world.issuer.liveKeys()).toHaveLength(2);
  });
});

test('a key of ours is never taken for a stray, whatever name its claim stands under', async () => {
  const { world, ref } = await aboutToComplete({ capabilities: { named: false } });
  const unclaimed: Hook = (call, effect) => (call.method === 'claim' ? Promise.resolve(undefined) : effect());
  await expect(complete(world.ports({ hook: unclaimed }), ref)).resolves.toEqual({ status: 'completed' });
  expect(world.issuer.liveKeys()).toHaveLength(1);
});

test('the next rotation is due before the key ends by itself', async () => {
  const day = 86_400;
  const policy = { rotateEvery: 90 * day, grace: { min: day, max: 2 * day, quiet: 3600 } };
  const { world, ref } = await aboutToComplete({ declaration: { policy }, lifetime: 30 * day });
  await complete(world.ports(), ref);
  const { credential, keys } = await world.view();
  expect(credential.dueAt).toBe(plus(keys.at(-1)?.expiresAt ?? '', -3 * day));
});
