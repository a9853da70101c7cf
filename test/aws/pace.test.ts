/** The pace of writes to one partition. */
import { expect, test } from 'vitest';
import { paced } from '../../lib/aws/pace.ts';
import type { Clock } from '../../lib/rotation/ports.ts';
import { instant } from '../../lib/usage/instant.ts';

/** A clock that stands, and notes when who waits would go on. */
function aStandingClock() {
  const starts: number[] = [];
  const clock: Clock = { now: () => instant(1000), sleep: async (seconds) => void starts.push(seconds) };
  return { starts, clock };
}

test('a thousand that come at once go on evenly, no second with more than the pace', async () => {
  const { starts, clock } = aStandingClock();
  const pace = paced(100, clock);
  await Promise.all(Array.from({ length: 1000 }, () => pace()));
  // The first of them waits for nothing.
  const perSecond = Map.groupBy([0, ...starts], (at) => Math.floor(at));
  expect(Math.max(...[...perSecond.values()].map(({ length }) => length))).toBe(100);
  expect(starts).toHaveLength(999);
  expect(perSecond.size).toBe(10);
});

test('a large write counts as many', async () => {
  const { starts, clock } = aStandingClock();
  const pace = paced(10, clock);
  await pace(5);
  await pace();
  expect(starts).toEqual([0.5]);
});

test('who comes after a pause waits for nothing, and has saved up nothing', async () => {
  const starts: number[] = [];
  let now = 0;
  const clock: Clock = { now: () => instant(now), sleep: async (seconds) => void starts.push(seconds) };
  const pace = paced(10, clock);
  await pace();
  now = 60_000;
  await pace();
  await pace();
  expect(starts).toEqual([0.1]);
});
