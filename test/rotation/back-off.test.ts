/** When an abandoned rotation is tried again, and when somebody is told that it keeps failing. */
import { describe, expect, test } from 'vitest';
import { secondsBetween } from '../../lib/usage/instant.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

const [minutes, hours] = [60, 3600];

/** The next rotation, whose new key the issuer refuses. @returns seconds until the next try. */
async function abandonNext(world: World): Promise<number> {
  const known = world.issuer.liveKeys().map(({ secret }) => secret.reveal());
  world.issuer.distortProbes((answer, secret) => (known.includes(secret.reveal()) ? answer : 'dead'));
  await runWorkflow(world, await world.nextRotation());
  world.issuer.distortProbes((answer) => answer);
  return secondsBetween(world.clock.now(), (await world.view()).credential.dueAt ?? '');
}

async function abandonTimes(world: World, times: number) {
  const tries = [];
  for (let time = 0; time < times; time += 1) {
    const seconds = await abandonNext(world);
    const { status, failures } = (await world.view()).credential;
    tries.push([seconds, status, failures]);
  }
  return tries;
}

describe('a rotation that is abandoned again and again', () => {
  test('is tried again after 15 minutes, an hour, six hours, then once a day, and fails from the fifth on', async () => {
    const world = await aWorldWithKey();
    expect(await abandonTimes(world, 7)).toEqual([
      [15 * minutes, 'active', 1],
      [1 * hours, 'active', 2],
      [6 * hours, 'active', 3],
      [24 * hours, 'active', 4],
      [24 * hours, 'failing', 5],
      [24 * hours, 'failing', 6],
      [24 * hours, 'failing', 7],
    ]);
    expect(world.issuer.liveKeys()).toHaveLength(1);
  });

  test('says in its event how often it has failed, and when it is tried again', async () => {
    const world = await aWorldWithKey();
    await abandonTimes(world, 4);
    const fourth = world.events.events.at(-1);
    await abandonNext(world);
    const { dueAt } = (await world.view()).credential;
    expect(fourth?.detail).toMatchObject({ failures: 4, failing: false });
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Rotation Abandoned',
      detail: { failures: 5, failing: true, triedAgainAt: dueAt },
    });
  });

  test('raises an alarm at the fifth time, and not before', async () => {
    const world = await aWorldWithKey();
    const alarms = () => world.metrics.filter((name) => name === 'CredentialFailing').length;
    await abandonTimes(world, 4);
    expect(alarms()).toBe(0);
    await abandonTimes(world, 1);
    expect(alarms()).toBe(1);
  });

  test('of a credential without a key leaves it new, then failing', async () => {
    const world = await aWorld();
    const tries = await abandonTimes(world, 5);
    expect(tries.map(([, status]) => status)).toEqual(['new', 'new', 'new', 'new', 'failing']);
    expect(world.issuer.liveKeys()).toEqual([]);
  });

  test('is forgotten once one is completed', async () => {
    const world = await aWorldWithKey();
    await abandonTimes(world, 6);
    const ref = await world.nextRotation();
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
    expect((await world.view()).credential).toMatchObject({ status: 'active', failures: 0 });
    expect(await abandonNext(world)).toBe(15 * minutes);
  });

  test('is tried again in a window only, when its policy has some', async () => {
    const { policy } = (await aWorld().then(({ view }) => view())).credential.declaration;
    const windows = [{ days: ['sat'], from: '02:00', to: '04:00', timeZone: 'UTC' }] as const;
    const world = await aWorldWithKey({ declaration: { policy: { ...policy, windows } } });
    world.clock.set('2026-03-07T03:55:00.000Z');
    await abandonNext(world);
    expect((await world.view()).credential).toMatchObject({
      failures: 1,
      dueAt: '2026-03-14T02:00:00.000Z',
    });
  });
});
