import { describe, expect, test } from 'vitest';
import { survey } from '../../lib/rotation/survey.ts';
import { sweepDue } from '../../lib/rotation/sweep-due.ts';
import { callName } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

/** The values of one name, by the value of their one dimension. */
const gauged = (world: World, name: string): Readonly<Record<string, number>> =>
  Object.fromEntries(
    world.gauges
      .filter((gauge) => gauge.name === name)
      .map(({ value, dimensions }) => [Object.values(dimensions)[0] ?? '', value]),
  );

async function surveyedAt(world: World, now: string): Promise<World> {
  world.clock.set(now);
  await survey(world.ports(), world.clock.now());
  return world;
}

describe('the survey', () => {
  test.each(['2026-03-05T09:00:00.000Z', '2026-03-05T00:00:59.999Z'])('is made at %s', async (now) => {
    const world = await surveyedAt(await aWorldWithKey(), now);
    expect(gauged(world, 'Credentials')).toMatchObject({ active: 1 });
  });

  test.each(['2026-03-05T09:01:00.000Z', '2026-03-05T09:59:59.999Z'])(
    'is not made at %s, and reads nothing',
    async (now) => {
      const world = await aWorldWithKey();
      world.clock.set(now);
      const calls: string[] = [];
      const ports = world.ports({
        hook: async ({ method }, effect) => {
          calls.push(method);
          return effect();
        },
      });
      await survey(ports, world.clock.now());
      expect(world.gauges.filter(({ name }) => name === 'Credentials')).toEqual([]);
      expect(calls).toEqual([]);
    },
  );

  test('counts credentials of each status, none as well', async () => {
    const world = await surveyedAt(await aWorld(), '2026-03-05T09:00:00.000Z');
    expect(gauged(world, 'Credentials')).toEqual({
      new: 1,
      active: 0,
      rotating: 0,
      blocked: 0,
      failing: 0,
      retiring: 0,
      retired: 0,
    });
  });

  test('counts rotations under way by phase', async () => {
    const world = await aWorldWithKey();
    await runWorkflow(world, await world.nextRotation(), { until: 'checkDrain' });
    await surveyedAt(world, '2026-03-05T09:00:00.000Z');
    const counts = gauged(world, 'RotationsUnderWay');
    expect(counts).toMatchObject({ issuing: 0, grace: 1, completed: 0 });
    expect(Object.values(counts).reduce((a, b) => a + b)).toBe(1);
    expect(gauged(world, 'Credentials')).toMatchObject({ rotating: 1 });
  });

  test('tells how old the oldest key is, in days since its promotion', async () => {
    const world = await aWorldWithKey();
    const { lastPromotedAt } = (await world.view()).credential;
    await surveyedAt(world, '2026-03-12T09:00:00.000Z');
    const days = (Date.parse('2026-03-12T09:00:00.000Z') - Date.parse(lastPromotedAt ?? '')) / 86_400_000;
    expect(gauged(world, 'OldestKeyDays')).toEqual({ '': days });
  });

  test('finds no key where there is none', async () => {
    const world = await surveyedAt(await aWorld(), '2026-03-05T09:00:00.000Z');
    expect(gauged(world, 'OldestKeyDays')).toEqual({ '': 0 });
  });

  test('is part of the sweep', async () => {
    const world = await aWorld({ start: '2026-03-05T08:59:30.000Z' });
    await sweepDue(world.ports());
    expect(gauged(world, 'Credentials')).toEqual({});
    world.clock.set('2026-03-05T09:00:30.000Z');
    await sweepDue(world.ports());
    expect(gauged(world, 'Credentials')).toMatchObject({ new: 1 });
  });
});

test('a sweep surveys first, and at its own time, however long what it starts takes', async () => {
  const world = await aWorld({ start: '2026-03-05T09:00:59.000Z' });
  const calls: string[] = [];
  const ports = world.ports({
    timeout: 60,
    hook: async (call, effect) => {
      calls.push(callName(call));
      const result = await effect();
      if (call.method === 'due') world.clock.advance(30);
      return result;
    },
  });
  await expect(sweepDue(ports)).resolves.toMatchObject({ started: 1 });
  expect(gauged(world, 'Credentials')).toMatchObject({ new: 1 });
  expect(calls.indexOf('ledger.credentials')).toBeGreaterThan(-1);
  expect(calls.indexOf('ledger.credentials')).toBeLessThan(calls.indexOf('executions.start'));
});

test('a drained key tells how long its drain has taken', async () => {
  const world = await aWorldWithKey();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref);
  const { promotedAt, drainedAt } = { promotedAt: '', drainedAt: '', ...(await world.rotation(ref)) };
  expect(gauged(world, 'DrainSeconds')).toEqual({
    '': (Date.parse(drainedAt ?? '') - Date.parse(promotedAt)) / 1000,
  });
});
