import { describe, expect, test } from 'vitest';
import { pause, unpause } from '../../lib/rotation/pause.ts';
import { registerCredentials } from '../../lib/rotation/register-credentials.ts';
import { sweepDue } from '../../lib/rotation/sweep-due.ts';
import { secondsBetween } from '../../lib/usage/instant.ts';
import { aDeclaration } from '../support/builders.ts';
import type { Hook } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

/** Declares `count` more credentials, which are due at once. */
async function withMore(world: World, count: number): Promise<World> {
  const ids = Array.from({ length: count }, (_, index) => `agent-${index}`);
  await registerCredentials(world.ports(), {
    issuers: { openai: { type: 'memory' } },
    targets: {},
    accounts: {},
    prefixes: ['keyturn/'],
    credentials: Object.fromEntries([world.credentialId, ...ids].map((id) => [id, aDeclaration()])),
  });
  return world;
}

const nothing = { due: 0, started: 0, unheard: 0, resumed: 0 };

describe('the sweep', () => {
  test('starts what is due', async () => {
    const world = await aWorld();
    const ref = await world.nextRotation();
    await expect(sweepDue(world.ports())).resolves.toEqual({ ...nothing, due: 1, started: 1 });
    expect(world.executions.started).toMatchObject([
      { input: { rotationId: ref.rotationId, requestedBy: 'schedule' } },
    ]);
  });

  test('starts nothing before its time', async () => {
    const world = await aWorldWithKey();
    await expect(sweepDue(world.ports())).resolves.toEqual(nothing);
    expect(world.executions.started).toMatchObject([]);
  });

  test('run again, or at once, starts each rotation once', async () => {
    const world = await aWorld();
    await Promise.all([sweepDue(world.ports()), sweepDue(world.ports())]);
    await sweepDue(world.ports());
    expect(world.executions.started).toHaveLength(1);
  });

  test('starts no more than five rotations a second', async () => {
    const world = await withMore(await aWorld(), 12);
    const begun = world.clock.now();
    await expect(sweepDue(world.ports())).resolves.toEqual({ ...nothing, due: 13, started: 13 });
    expect(secondsBetween(begun, world.clock.now())).toBeCloseTo(13 / 5, 1);
  });

  test('tries an abandoned rotation again after a quarter of an hour, under a new id', async () => {
    const world = await aWorld();
    const first = await world.nextRotation();
    world.issuer.distortProbes(() => 'dead');
    await runWorkflow(world, first);
    expect(await sweepDue(world.ports())).toMatchObject({ due: 0 });
    world.clock.advance(901);
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ due: 1, started: 1 });
    expect(world.executions.started[0]?.input.rotationId).not.toBe(first.rotationId);
  });

  test('leaves to the next minute what this invocation has no time for', async () => {
    const world = await withMore(await aWorld(), 9);
    await expect(sweepDue(world.ports({ timeout: 11 }))).resolves.toMatchObject({ due: 10, started: 6 });
    await expect(sweepDue(world.ports({ timeout: 60 }))).resolves.toMatchObject({ started: 10 });
    expect(world.executions.started).toHaveLength(10);
  });

  test('says each minute how many are due and how many rotations nobody has heard of', async () => {
    const world = await withMore(await aWorldWithKey(), 3);
    await runWorkflow(world, await world.nextRotation(), { until: 'verifyKey' });
    world.clock.advance(1000);
    await sweepDue(world.ports());
    expect(world.gauges).toContainEqual({ name: 'CredentialsDue', value: 3, dimensions: {} });
    expect(world.gauges).toContainEqual({ name: 'RotationsUnheard', value: 1, dimensions: {} });
  });
});

test('a rotation that cannot be started holds up no other, and fails the sweep in the end', async () => {
  const world = await withMore(await aWorld(), 1);
  let starts = 0;
  const hook: Hook = async (call, effect) => {
    if (call.method !== 'start') return effect();
    starts += 1;
    if (starts === 1) throw new Error('throttled');
    return effect();
  };
  await expect(sweepDue(world.ports({ hook }))).rejects.toThrow(
    '1 of 2 rotations could not be resumed or started',
  );
  expect(world.executions.started).toHaveLength(1);
});

test('a rotation that cannot be resumed holds up no start, and fails the sweep in the end', async () => {
  const world = await aWorldWithKey();
  await runWorkflow(world, await world.nextRotation(), { until: 'verifyKey' });
  world.clock.advance(1000);
  await withMore(world, 1);
  const hook: Hook = async (call, effect) => {
    if (call.method === 'state') throw new Error('throttled');
    return effect();
  };
  await expect(sweepDue(world.ports({ hook }))).rejects.toThrow(
    '1 of 2 rotations could not be resumed or started',
  );
  expect(world.executions.started.map(({ input }) => input.credentialId)).toEqual(['agent-0']);
});

describe('a paused credential', () => {
  const by = { credentialId: 'billing-agent', by: 'ada', reason: 'the release' };

  test('is passed by until the pause is taken back', async () => {
    const world = await withMore(await aWorld(), 1);
    await pause(world.ports(), by);
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ due: 1, started: 1 });
    expect(world.executions.started.map(({ input }) => input.credentialId)).toEqual(['agent-0']);
    await unpause(world.ports(), by);
    await sweepDue(world.ports());
    expect(world.executions.started.map(({ input }) => input.credentialId)).toEqual([
      'agent-0',
      'billing-agent',
    ]);
  });

  test('has its running rotation go on to its end, and resumed when that has died', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'verifyKey' });
    await pause(world.ports(), by);
    world.clock.advance(1000);
    await expect(sweepDue(world.ports())).resolves.toEqual({ ...nothing, unheard: 1, resumed: 1 });
    await runWorkflow(world, { ...ref, run: 2 });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
    const { credential } = await world.view();
    expect(credential).toMatchObject({ status: 'active', pause: { by: 'ada' } });
    world.clock.set(credential.dueAt ?? '');
    await expect(sweepDue(world.ports())).resolves.toEqual(nothing);
  });
});
