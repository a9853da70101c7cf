/** Consumers as they are in the world, from the promotion to the verdict: each test follows one of them. */
import { describe, expect, test } from 'vitest';
import { type DrainVerdict, drainVerdict } from '../../lib/usage/drain.ts';
import type { Consumer, Presence } from '../../lib/usage/presence.ts';
import { aConsumer, aProcess, aQuestion, at, newVersion, oldVersion } from './drain-question.ts';

const hour = 3600;
const minute = 60;
const quiet = 15 * minute;
const lostAfter = hour;
const threeReports = 3 * minute;

interface Scene {
  readonly declared: readonly Consumer[];
  readonly presence: readonly Presence[];
}

/** What the verdict is `now` seconds after the promotion. */
const look = (now: number, scene: Scene): DrainVerdict =>
  drainVerdict(aQuestion(now, { ...scene, graceEnds: at(hour), deadline: at(96 * hour) }));

const stateOf = (verdict: DrainVerdict, name: string) =>
  verdict.consumers.find(({ consumer }) => consumer === name)?.state;

const instances = (count: number, row: (index: number) => Presence): readonly Presence[] =>
  Array.from({ length: count }, (_, index) => ({ ...row(index), instance: `i-${index}` }));

describe('an autoscaled fleet', () => {
  const declared = [aConsumer('web')];

  test('that scales in at night says goodbye instance by instance, and its last old use counts for quiet', () => {
    const old = instances(20, (index) => {
      const left = hour + index * 95;
      return aProcess('web', left, { oldUse: left, leftAt: at(left), holds: [oldVersion] });
    });
    const young = (now: number) => instances(4, () => aProcess('web', now, { newUse: now - 1 }));
    const scene = (now: number): Scene => ({ declared, presence: [...old, ...young(now)] });
    const lastGoodbye = hour + 19 * 95;
    expect(look(lastGoodbye, scene(lastGoodbye))).toMatchObject({ outcome: 'waiting', heldBy: ['web'] });
    expect(look(lastGoodbye + quiet, scene(lastGoodbye + quiet))).toMatchObject({ outcome: 'drained' });
  });

  test('whose spot instances are killed without a word is unknown until they count as lost', () => {
    const killedAt = 50 * minute;
    const killed = instances(6, () => aProcess('web', killedAt, { holds: [oldVersion], oldUse: killedAt }));
    const scene = (now: number): Scene => ({
      declared,
      presence: [...killed, aProcess('web', now, { instance: 'young' })],
    });
    const soon = hour + 10 * minute;
    expect(stateOf(look(soon, scene(soon)), 'web')).toBe('unknown');
    const lost = killedAt + threeReports + lostAfter;
    expect(look(lost, scene(lost)).outcome).toBe('waiting');
    const verdict = look(lost + 1, scene(lost + 1));
    expect(verdict.outcome).toBe('drained');
    expect(verdict.reason).toContain('web lost a process, last seen at 10:50:00Z, which counts as gone');
  });

  test('drains only when the last of a hundred instances has let go', () => {
    const now = 2 * hour;
    const fleet = instances(99, () => aProcess('web', now));
    const one = aProcess('web', now, { instance: 'stuck', holds: [oldVersion] });
    expect(look(now, { declared, presence: [...fleet, one] })).toMatchObject({
      outcome: 'waiting',
      consumers: [{ consumer: 'web', state: 'both' }],
      reason: 'web holds generation 4',
    });
    expect(look(now, { declared, presence: fleet }).outcome).toBe('drained');
  });
});

describe('an instance that crashed', () => {
  const declared = [aConsumer('mirror'), aConsumer('worker')];
  const crashed = aProcess('mirror', 40 * minute, { holds: [oldVersion], oldUse: 40 * minute });
  const scene = (now: number, ...restarted: readonly Presence[]): Scene => ({
    declared,
    presence: [crashed, aProcess('worker', now), ...restarted],
  });

  test('is unknown first, so the key is kept, and then gone, and named', () => {
    expect(look(hour, scene(hour))).toMatchObject({
      outcome: 'waiting',
      heldBy: ['mirror'],
      reason: 'mirror has not been seen since 10:40:00Z, so its silence proves nothing',
    });
    const lost = 40 * minute + threeReports + lostAfter + 1;
    expect(look(lost, scene(lost))).toMatchObject({ outcome: 'drained', consumers: [{ state: 'gone' }, {}] });
  });

  test('is not forgotten because another one has started in its place', () => {
    const restarted = aProcess('mirror', hour, { instance: 'mirror-2', newUse: hour });
    expect(look(hour, scene(hour, restarted))).toMatchObject({ outcome: 'waiting', heldBy: ['mirror'] });
  });

  test('is present again as soon as it reports, and holds what it holds', () => {
    const now = 3 * hour;
    const back = { ...crashed, lastSeen: at(now), windowEnd: at(now) };
    const presence = [back, aProcess('worker', now)];
    expect(look(now, { declared, presence })).toMatchObject({
      outcome: 'waiting',
      reason: 'mirror holds generation 4',
    });
  });
});

describe('a nightly job', () => {
  const declared = [aConsumer('web'), aConsumer('nightly', { presence: 'intermittent', period: 26 * hour })];
  const web = (now: number) => aProcess('web', now);
  const run = (night: number, uses: { oldUse?: number; newUse?: number }) =>
    aProcess('nightly', night, { ...uses, instance: `run-${night}`, leftAt: at(night), holds: [] });
  const lastNight = run(-10 * hour, { oldUse: -10 * hour });

  test('keeps the key until its next run has used the new one', () => {
    const earlier = { declared, presence: [web(13 * hour), lastNight] };
    expect(look(13 * hour, earlier)).toMatchObject({ outcome: 'waiting', heldBy: ['nightly'] });
    const tonight = run(14 * hour, { newUse: 14 * hour });
    const later = (now: number) => ({ declared, presence: [web(now), lastNight, tonight] });
    expect(look(14 * hour, later(14 * hour))).toMatchObject({
      outcome: 'waiting',
      consumers: [{}, { consumer: 'nightly', state: 'both' }],
    });
    expect(look(16 * hour, later(16 * hour))).toMatchObject({
      outcome: 'drained',
      consumers: [{}, { consumer: 'nightly', state: 'on new' }],
    });
  });

  test('that used the old key tonight keeps it for a whole period', () => {
    const tonight = run(14 * hour, { oldUse: 14 * hour });
    const tomorrow = run(38 * hour, { newUse: 38 * hour });
    const scene = (now: number) => ({ declared, presence: [web(now), tonight, tomorrow] });
    expect(look(38 * hour, scene(38 * hour)).heldBy).toEqual(['nightly']);
    expect(look(40 * hour, scene(40 * hour)).outcome).toBe('drained');
  });

  test('that does not run any more is unknown for ever, for its silence is what it always does', () => {
    const scene = { declared, presence: [web(90 * hour), lastNight] };
    expect(look(90 * hour, scene)).toMatchObject({
      outcome: 'waiting',
      reason:
        'nightly has not used generation 5 yet (last seen at 2026-11-21 00:00:00Z), so its silence proves nothing',
    });
  });
});

describe('a Lambda function', () => {
  const declared = [aConsumer('resize', { presence: 'intermittent', period: 30 * minute })];

  test('with a thousand short lives drains when every one of them has used the new key last', () => {
    const lives = instances(1000, (index) => aProcess('resize', index * 4, { newUse: index * 4 }));
    const early = aProcess('resize', 5 * minute, { instance: 'warm', oldUse: 5 * minute });
    const scene = { declared, presence: [...lives, early] };
    expect(look(hour + 7 * minute, scene)).toMatchObject({
      outcome: 'drained',
      consumers: [{ state: 'on new', lastOldUse: at(5 * minute) }],
    });
  });

  test('that is frozen with the old key in memory keeps it for as long as it may sleep, and no longer', () => {
    const frozen = aProcess('resize', 50 * minute, { holds: [oldVersion] });
    const warm = aProcess('resize', hour, { instance: 'warm', newUse: hour });
    const scene = { declared, presence: [frozen, warm] };
    expect(look(79 * minute, scene)).toMatchObject({ outcome: 'waiting', heldBy: ['resize'] });
    expect(look(80 * minute, scene)).toMatchObject({ outcome: 'drained' });
  });

  test('that thaws and uses the old key once more starts the wait anew', () => {
    const thawed = aProcess('resize', 79 * minute, { oldUse: 79 * minute, holds: [newVersion] });
    const warm = aProcess('resize', hour, { instance: 'warm', newUse: hour });
    const scene = { declared, presence: [thawed, warm] };
    expect(look(80 * minute, scene)).toMatchObject({ outcome: 'waiting', consumers: [{ state: 'both' }] });
    expect(look(109 * minute, scene).outcome).toBe('drained');
  });
});

test('idle consumers drain: they report that they hold nothing, and use nothing', () => {
  const declared = [aConsumer('standby'), aConsumer('backup')];
  const presence = [
    aProcess('standby', hour, { holds: [] }),
    aProcess('backup', hour, { holds: [newVersion] }),
  ];
  expect(look(hour, { declared, presence })).toMatchObject({
    outcome: 'drained',
    reason: 'nobody is on generation 4, and no use of it is known',
  });
});

describe('a queue that is late', () => {
  const declared = [aConsumer('mirror'), aConsumer('worker')];
  const stopped = 70 * minute;
  const scene = {
    declared,
    presence: [aProcess('mirror', stopped), aProcess('worker', stopped, { oldUse: 30 * minute })],
  };

  test('is never taken for silence, however late it is', () => {
    expect(look(stopped, scene).outcome).toBe('drained');
    for (const late of [threeReports + 1, hour, 10 * hour, 90 * hour]) {
      expect(look(stopped + late, scene)).toMatchObject({
        outcome: 'waiting',
        consumers: [{ state: 'unknown' }, { state: 'unknown' }],
      });
    }
  });

  test('holds the key by what it has told, when it comes in again with what had happened', () => {
    const now = 3 * hour;
    const use = now - 10 * minute;
    const delivered = [aProcess('mirror', now), aProcess('worker', now, { oldUse: use })];
    expect(look(now, { declared, presence: delivered })).toMatchObject({
      outcome: 'waiting',
      heldBy: ['worker'],
    });
  });

  test('of one process only makes silence reach no further than that', () => {
    const now = 2 * hour;
    const behind = aProcess('worker', now, { windowEnd: at(now - 20 * minute), oldUse: now - 30 * minute });
    expect(look(now, { declared, presence: [aProcess('mirror', now), behind] })).toMatchObject({
      outcome: 'waiting',
      heldBy: ['worker'],
      reason: 'worker has reported only up to 11:40:00Z',
    });
  });
});

test('a consumer that nobody has declared keeps the key while it uses it, and is named', () => {
  const declared = [aConsumer('web')];
  const scene = (now: number, oldUse: number) => ({
    declared,
    presence: [aProcess('web', now), aProcess('notebook', now, { oldUse, holds: [] })],
  });
  expect(look(2 * hour, scene(2 * hour, 2 * hour - 3 * minute))).toMatchObject({
    outcome: 'waiting',
    heldBy: ['notebook'],
    reason: 'notebook (not declared) used generation 4 at 11:57:00Z, 3 min ago',
  });
  expect(look(3 * hour, scene(3 * hour, 2 * hour)).outcome).toBe('drained');
});

test('a clock that was wrong has been set right before: what counts is when the report reached the queue', () => {
  const declared = [aConsumer('mirror')];
  const now = 2 * hour;
  // Its own clock is three hours ahead; the fold has moved its times by as much, so none is after its report.
  const shifted = aProcess('mirror', now, { oldUse: now - quiet, windowEnd: at(now) });
  expect(look(now, { declared, presence: [shifted] }).outcome).toBe('drained');
  // One whose times were left as they are holds the key: a use that is yet to come is not long ago.
  const ahead = aProcess('mirror', now, { oldUse: now + 3 * hour });
  expect(look(now, { declared, presence: [ahead] })).toMatchObject({
    outcome: 'waiting',
    heldBy: ['mirror'],
  });
});
