import { expect, test } from 'vitest';
import { SecretChangedOutside } from '../../lib/rotation/errors.ts';
import { promoteKey } from '../../lib/rotation/promote-key.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { plus } from '../../lib/usage/instant.ts';
import { callName } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

async function aboutToPromote(world: World) {
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'promoteKey' });
  const newVersion = (await world.keys()).at(-1)?.versionId ?? '';
  return { world, ref, newVersion };
}

/** Somebody with a console. */
async function changeOutside(world: World): Promise<string> {
  const { secrets } = world.ports();
  const versionId = '11111111-2222-4333-8444-555555555555';
  await secrets.put(world.secretName, versionId, new SecretText('{"apiKey":"by hand"}'), 'by-hand');
  const from = (await world.currentVersion()) ?? '';
  await secrets.moveCurrent(world.secretName, { from, to: versionId });
  return versionId;
}

test('a first key takes the place of the placeholder and is looked at at once', async () => {
  const { world, ref, newVersion } = await aboutToPromote(await aWorld());
  expect(await world.currentSecret()).toBeUndefined();
  await expect(promoteKey(world.ports(), ref)).resolves.toEqual({ next: 'grace', lookAt: world.clock.now() });
  expect(await world.currentVersion()).toBe(newVersion);
});

test('consumers read the new key from here on, and the old one stays alive', async () => {
  const { world, ref, newVersion } = await aboutToPromote(await aWorldWithKey());
  const at = world.clock.now();
  await expect(promoteKey(world.ports(), ref)).resolves.toEqual({ next: 'grace', lookAt: plus(at, 3600) });
  expect(await world.currentVersion()).toBe(newVersion);
  expect(await world.rotation(ref)).toMatchObject({
    phase: 'grace',
    promotedAt: at,
    deadline: plus(at, 14_400),
  });
  expect((await world.keys()).map(({ status }) => status)).toEqual(['superseded', 'current']);
  expect((await world.view()).credential).toMatchObject({
    currentGeneration: 2,
    currentVersionId: newVersion,
    lastPromotedAt: at,
  });
  expect(world.issuer.liveKeys()).toHaveLength(2);
});

test('the announcement names the version, so that whoever caches keys can restart', async () => {
  const { world, ref, newVersion } = await aboutToPromote(await aWorldWithKey());
  await promoteKey(world.ports(), ref);
  expect(world.events.events.at(-1)).toMatchObject({
    type: 'Key Promoted',
    credentialId: world.credentialId,
    detail: { rotationId: ref.rotationId, generation: 2, secret: world.secretName, versionId: newVersion },
  });
});

test('a secret that somebody else has changed is left as it is', async () => {
  const { world, ref } = await aboutToPromote(await aWorldWithKey());
  const byHand = await changeOutside(world);
  await expect(promoteKey(world.ports(), ref)).rejects.toThrow(SecretChangedOutside);
  expect(await world.currentVersion()).toBe(byHand);
  expect(await world.rotation(ref)).toMatchObject({ phase: 'verified', lease: null });
  expect((await world.keys()).map(({ status }) => status)).toEqual(['current', 'stored']);
});

test('a secret that somebody else has changed ends in an abandoned rotation, and the new key dies', async () => {
  const { world, ref } = await aboutToPromote(await aWorldWithKey());
  const byHand = await changeOutside(world);
  await runWorkflow(world, ref);
  expect(await world.rotation(ref)).toMatchObject({
    phase: 'abandoned',
    reason: expect.stringMatching(/^SecretChangedOutside: AWSCURRENT of secret/),
  });
  expect(await world.currentVersion()).toBe(byHand);
  expect(world.issuer.liveKeys()).toHaveLength(1);
});

test('no key is made for a secret that somebody else has changed', async () => {
  const world = await aWorldWithKey();
  await changeOutside(world);
  const before = world.issuer.keys().length;
  const ref = await world.nextRotation();
  await runWorkflow(world, ref);
  expect(await world.rotation(ref)).toMatchObject({ phase: 'abandoned' });
  expect(world.issuer.keys()).toHaveLength(before);
});

test('the promotion goes on once the change is undone', async () => {
  const { world, ref, newVersion } = await aboutToPromote(await aWorldWithKey());
  const before = (await world.currentVersion()) ?? '';
  const byHand = await changeOutside(world);
  await expect(promoteKey(world.ports(), ref)).rejects.toThrow(SecretChangedOutside);
  await world.ports().secrets.moveCurrent(world.secretName, { from: byHand, to: before });
  await promoteKey(world.ports(), ref);
  expect(await world.currentVersion()).toBe(newVersion);
});

test('a run after the move only writes what the first one could not', async () => {
  const { world, ref, newVersion } = await aboutToPromote(await aWorldWithKey());
  const hook = lostAnswer('secrets.moveCurrent');
  await expect(promoteKey(world.ports({ hook }), ref)).rejects.toThrow('no answer');
  const moves: string[] = [];
  await promoteKey(
    world.ports({
      hook: async (call, effect) => {
        if (call.method === 'moveCurrent') moves.push(callName(call));
        return effect();
      },
    }),
    ref,
  );
  expect(moves).toEqual([]);
  expect(await world.currentVersion()).toBe(newVersion);
  expect(await world.rotation(ref)).toMatchObject({ phase: 'grace' });
});

const lostAnswer =
  (name: string) =>
  async (call: { readonly port: string; readonly method: string }, effect: () => Promise<unknown>) => {
    const answer = await effect();
    if (callName(call) === name) throw new Error('no answer');
    return answer;
  };
