/** When a key counts as out of use, and when its silence proves nothing. */
import { describe, expect, test } from 'vitest';
import { drainVerdict } from '../../lib/usage/drain.ts';
import type { Presence } from '../../lib/usage/presence.ts';
import { aConsumer, aProcess, aQuestion, at, newVersion, oldVersion } from './drain-question.ts';

const hour = 3600;
const ci = aConsumer('ci', { presence: 'intermittent', period: 2 * hour });

describe('a continuous consumer', () => {
  test('drains when it holds only the new key and the old one has been silent for quiet', () => {
    const verdict = drainVerdict(aQuestion(hour, { presence: [aProcess('mirror', hour, { oldUse: 600 })] }));
    expect(verdict).toMatchObject({
      outcome: 'drained',
      heldBy: [],
      consumers: [{ consumer: 'mirror', state: 'on new', lastOldUse: at(600) }],
    });
    expect(verdict.reason).toBe('nobody is on generation 4, which was last used at 10:10:00Z, 50 min ago');
  });

  test('drains when it is idle: it holds nothing and has used nothing', () => {
    const idle = aProcess('mirror', hour, { holds: [] });
    expect(drainVerdict(aQuestion(hour, { presence: [idle] })).outcome).toBe('drained');
  });

  test('does not drain before the minimum grace is over', () => {
    const verdict = drainVerdict(
      aQuestion(hour - 1, { presence: [aProcess('mirror', hour - 1, { oldUse: 600 })] }),
    );
    expect(verdict).toMatchObject({ outcome: 'waiting', lastOldUse: at(600), heldBy: [] });
    expect(verdict.reason).toContain('the minimum grace lasts until 11:00:00Z');
  });

  test('holds the key as long as it has used the old one within quiet', () => {
    const verdict = drainVerdict(
      aQuestion(hour, { presence: [aProcess('mirror', hour, { oldUse: hour - 3 })] }),
    );
    expect(verdict).toMatchObject({
      outcome: 'waiting',
      heldBy: ['mirror'],
      consumers: [{ state: 'both' }],
      reason: 'mirror used generation 4 at 10:59:57Z, 3 s ago',
    });
  });

  test('holds the key as long as it has the old one in memory, used or not', () => {
    const holding = aProcess('mirror', hour, { holds: [oldVersion] });
    expect(drainVerdict(aQuestion(hour, { presence: [holding] }))).toMatchObject({
      outcome: 'waiting',
      consumers: [{ state: 'on old' }],
      reason: 'mirror holds generation 4',
    });
  });

  test('is on both keys when one process has moved on and another has not', () => {
    const presence = [
      aProcess('mirror', hour),
      aProcess('mirror', hour, { instance: 'mirror-2', holds: [oldVersion] }),
    ];
    expect(drainVerdict(aQuestion(hour, { presence })).consumers).toMatchObject([{ state: 'both' }]);
  });

  test('is unknown when it has never been seen, though others report', () => {
    const declared = [aConsumer('mirror'), aConsumer('nightly')];
    expect(drainVerdict(aQuestion(hour, { declared, presence: [aProcess('mirror', hour)] }))).toMatchObject({
      outcome: 'waiting',
      heldBy: ['nightly'],
      reason: 'nightly has never been seen, so its silence proves nothing',
    });
  });

  test('is unknown after three missed reports', () => {
    const seen = (ago: number) =>
      drainVerdict(aQuestion(hour, { presence: [aProcess('mirror', hour - ago)] }));
    expect(seen(180)).toMatchObject({ consumers: [{ state: 'on new' }] });
    expect(seen(181)).toMatchObject({ outcome: 'waiting', consumers: [{ state: 'unknown' }] });
    expect(seen(181).reason).toBe('mirror has not been seen since 10:56:59Z, so its silence proves nothing');
  });

  test('is gone, and named, when one stays away for lostAfter while others still get through', () => {
    const declared = [aConsumer('mirror'), aConsumer('worker')];
    const verdict = drainVerdict(
      aQuestion(2 * hour, { declared, presence: [aProcess('mirror', 60), aProcess('worker', 2 * hour)] }),
    );
    expect(verdict).toMatchObject({
      outcome: 'drained',
      consumers: [{ state: 'gone' }, { state: 'on new' }],
    });
    expect(verdict.reason).toContain('mirror lost a process, last seen at 10:01:00Z, which counts as gone');
  });

  test('stays unknown when nobody at all gets through, because then it may be the queue that is late', () => {
    const verdict = drainVerdict(aQuestion(3 * hour, { presence: [aProcess('mirror', 60)] }));
    expect(verdict).toMatchObject({ outcome: 'waiting', consumers: [{ state: 'unknown' }] });
  });

  test('is gone at once when it said goodbye', () => {
    const gone = aProcess('mirror', 1000, { leftAt: at(1000), holds: [oldVersion], oldUse: 1000 });
    expect(drainVerdict(aQuestion(hour, { presence: [gone] }))).toMatchObject({
      outcome: 'drained',
      consumers: [{ state: 'gone' }],
    });
  });

  test('holds the key for quiet after the last use of a process that is gone', () => {
    const presence = [
      aProcess('mirror', hour),
      aProcess('mirror', 3000, { instance: 'mirror-2', leftAt: at(3000), oldUse: 3000 }),
    ];
    expect(drainVerdict(aQuestion(hour, { presence }))).toMatchObject({
      outcome: 'waiting',
      heldBy: ['mirror'],
      consumers: [{ state: 'on new', lastOldUse: at(3000) }],
    });
  });

  test('is not held up by processes that vanished long before the promotion', () => {
    const ancient = aProcess('mirror', -100 * hour, { instance: 'mirror-0', holds: [oldVersion] });
    const verdict = drainVerdict(aQuestion(hour, { presence: [ancient, aProcess('mirror', hour)] }));
    expect(verdict).toMatchObject({ outcome: 'drained', reason: expect.not.stringContaining('lost') });
  });
});

describe('the watermark', () => {
  test('silence reaches no further than the earliest report among those present', () => {
    const late = aProcess('mirror', hour - 120, { oldUse: hour - 1000 });
    const presence = [late, aProcess('mirror', hour, { instance: 'mirror-2' })];
    expect(drainVerdict(aQuestion(hour, { presence }))).toMatchObject({
      outcome: 'waiting',
      heldBy: ['mirror'],
      reason: 'mirror has reported only up to 10:58:00Z',
    });
  });

  test('a report from before the promotion says nothing about afterwards', () => {
    const question = aQuestion(10, { graceEnds: at(5), presence: [aProcess('mirror', -20)] });
    expect(drainVerdict(question)).toMatchObject({ outcome: 'waiting', heldBy: ['mirror'] });
  });
});

describe('an intermittent consumer', () => {
  const others = { declared: [ci], graceEnds: at(hour) };

  test('is on new after one use of the new key and none of the old for its period', () => {
    const run = aProcess('ci', 1200, { oldUse: -hour, newUse: 1200, leftAt: at(1201) });
    expect(drainVerdict(aQuestion(hour, { ...others, presence: [run] })).outcome).toBe('drained');
  });

  test('is unknown until it has used the new key once', () => {
    const run = aProcess('ci', 1200, { oldUse: -2 * hour });
    const verdict = drainVerdict(aQuestion(hour, { ...others, presence: [run] }));
    expect(verdict).toMatchObject({ outcome: 'waiting', consumers: [{ state: 'unknown' }] });
    expect(verdict.reason).toBe(
      'ci has not used generation 5 yet (last seen at 10:20:00Z), so its silence proves nothing',
    );
  });

  test('does not count a use of the new key from before the promotion: after a roll back it was the old one', () => {
    const run = aProcess('ci', 1200, { newUse: -60 });
    expect(drainVerdict(aQuestion(hour, { ...others, presence: [run] }))).toMatchObject({
      outcome: 'waiting',
      consumers: [{ state: 'unknown' }],
    });
  });

  test('needs its whole period without the old key, even when quiet is shorter', () => {
    const run = aProcess('ci', 1200, { oldUse: 600, newUse: 1200 });
    const verdict = (now: number) => drainVerdict(aQuestion(now, { ...others, presence: [run] }));
    expect(verdict(600 + 2 * hour - 1)).toMatchObject({ outcome: 'waiting', consumers: [{ state: 'both' }] });
    expect(verdict(600 + 2 * hour)).toMatchObject({ outcome: 'drained' });
  });

  test('holds the old key no longer than it may sleep: a frozen Lambda never says goodbye', () => {
    const frozen = aProcess('ci', 0, { holds: [oldVersion] });
    const run = aProcess('ci', 1200, { instance: 'ci-2', newUse: 1200 });
    const verdict = (now: number) => drainVerdict(aQuestion(now, { ...others, presence: [frozen, run] }));
    expect(verdict(2 * hour - 1)).toMatchObject({ outcome: 'waiting', heldBy: ['ci'] });
    expect(verdict(2 * hour)).toMatchObject({ outcome: 'drained' });
  });
});

describe('a consumer that is not declared', () => {
  const mirror = aProcess('mirror', hour);

  test('holds the key, by name, when it is on the old one', () => {
    const presence = [mirror, aProcess('crawler', hour, { holds: [oldVersion], oldUse: hour - 30 })];
    expect(drainVerdict(aQuestion(hour, { presence }))).toMatchObject({
      outcome: 'waiting',
      heldBy: ['crawler'],
      reason: 'crawler (not declared) used generation 4 at 10:59:30Z, 30 s ago and holds generation 4',
    });
  });

  test('holds nothing when it never touched the old one and went away', () => {
    const presence = [mirror, aProcess('crawler', 60)];
    expect(drainVerdict(aQuestion(hour, { presence })).outcome).toBe('drained');
  });
});

describe('a target that does not have the new key yet', () => {
  const moved = { presence: [aProcess('mirror', 4 * hour, { newUse: 4 * hour })] };

  test('holds the old key, by name, though every consumer has moved on', () => {
    const verdict = drainVerdict(aQuestion(2 * hour, { ...moved, targetsBehind: ['vault', 'restart'] }));
    expect(verdict).toMatchObject({
      outcome: 'waiting',
      heldBy: ['target vault', 'target restart'],
      consumers: [{ state: 'on new' }],
    });
    expect(verdict.reason).toMatch(
      /^target vault does not have generation 5 yet; target restart does not have generation 5 yet; nobody is on generation 4,/,
    );
  });

  test('is named after the consumers that hold it', () => {
    const holding = aProcess('mirror', hour, { holds: [oldVersion] });
    expect(drainVerdict(aQuestion(hour, { presence: [holding], targetsBehind: ['vault'] }))).toMatchObject({
      heldBy: ['mirror', 'target vault'],
      reason: 'mirror holds generation 4; target vault does not have generation 5 yet',
    });
  });

  test('makes the rotation overdue at the deadline, and no quiet can mend that', () => {
    const verdict = drainVerdict(aQuestion(4 * hour, { ...moved, targetsBehind: ['vault'] }));
    expect(verdict).toMatchObject({ outcome: 'overdue', quietAt: null, heldBy: ['target vault'] });
  });

  test('holds it no longer than until it has the key', () => {
    expect(drainVerdict(aQuestion(4 * hour, { ...moved, targetsBehind: [] })).outcome).toBe('drained');
  });
});

describe('a key that no other comes after', () => {
  const last = { staying: null } as const;
  const verdictOn = (...presence: readonly Presence[]) =>
    drainVerdict(aQuestion(2 * hour, { ...last, presence }));

  test('drains when its consumers have said goodbye, be it long before it was to end', () => {
    const gone = aProcess('mirror', -5 * hour, {
      leftAt: at(-5 * hour),
      holds: [oldVersion],
      oldUse: -5 * hour,
    });
    expect(verdictOn(gone)).toMatchObject({ outcome: 'drained', consumers: [{ state: 'gone' }] });
  });

  test('drains when a consumer still runs and neither holds nor uses it', () => {
    expect(verdictOn(aProcess('mirror', 2 * hour, { holds: [] })).outcome).toBe('drained');
  });

  test('waits for quiet after the last use of it, goodbye or not', () => {
    const oldUse = 2 * hour - 60;
    const gone = aProcess('mirror', oldUse, { leftAt: at(oldUse), holds: [], oldUse });
    expect(verdictOn(gone)).toMatchObject({ outcome: 'waiting', lastOldUse: at(oldUse) });
  });

  test('is kept by whoever holds it', () => {
    expect(verdictOn(aProcess('mirror', 2 * hour, { holds: [oldVersion] }))).toMatchObject({
      outcome: 'waiting',
      heldBy: ['mirror'],
      reason: 'mirror holds generation 4',
    });
  });

  test('is kept by whoever vanished without goodbye', () => {
    expect(verdictOn(aProcess('mirror', 60, { holds: [] }))).toMatchObject({
      outcome: 'waiting',
      consumers: [{ state: 'unknown' }],
    });
  });

  test('is kept when nobody has ever reported, or is declared', () => {
    expect(verdictOn()).toMatchObject({
      outcome: 'waiting',
      reason: expect.stringMatching(/^nobody reports/),
    });
    const gone = aProcess('mirror', 60, { leftAt: at(60), holds: [] });
    expect(drainVerdict(aQuestion(2 * hour, { ...last, declared: [], presence: [gone] })).outcome).toBe(
      'waiting',
    );
  });

  test('drains without use of a new one, once an intermittent consumer was silent for its period', () => {
    const run = aProcess('ci', 0, { oldUse: 0, holds: [] });
    const verdict = (now: number) =>
      drainVerdict(aQuestion(now, { ...last, declared: [ci], presence: [run] }));
    expect(verdict(2 * hour - 1)).toMatchObject({ outcome: 'waiting', consumers: [{ state: 'on old' }] });
    expect(verdict(2 * hour)).toMatchObject({ outcome: 'drained', consumers: [{ state: 'gone' }] });
  });
});

describe('a credential that nobody reports on', () => {
  test('waits, then is overdue because nobody reports', () => {
    const waiting = drainVerdict(aQuestion(hour, { declared: [] }));
    expect(waiting).toMatchObject({ outcome: 'waiting', heldBy: [], lastOldUse: null });
    const overdue = drainVerdict(aQuestion(4 * hour, { declared: [] }));
    expect(overdue).toMatchObject({ outcome: 'overdue', quietAt: null });
    expect(overdue.reason).toBe(
      'keyturn.yaml declares no consumer, and the issuer does not say when keys are used',
    );
  });

  test('never drains on the word of strangers, when keyturn.yaml declares no consumer', () => {
    const presence = [aProcess('someones-laptop', 2 * hour, { leftAt: at(2 * hour) })];
    const verdict = drainVerdict(aQuestion(2 * hour, { declared: [], presence }));
    expect(verdict).toMatchObject({ outcome: 'waiting' });
    expect(verdict.reason).toContain('keyturn.yaml declares no consumer');
  });

  test('does not drain on goodbyes from before the promotion', () => {
    const presence = [aProcess('mirror', -hour, { leftAt: at(-hour) })];
    expect(drainVerdict(aQuestion(hour, { presence })).reason).toMatch(/^nobody reports/);
  });
});

describe('at the deadline', () => {
  const deadline = { deadline: at(hour), graceEnds: at(1800) };

  test('only quiet is missing: it says until when', () => {
    const moved = aProcess('mirror', hour, { oldUse: hour - 60, newUse: hour - 10 });
    expect(drainVerdict(aQuestion(hour, { ...deadline, presence: [moved] }))).toMatchObject({
      outcome: 'overdue',
      quietAt: at(hour - 60 + 900 + 120),
    });
  });

  test('holding the new key is enough to have moved on', () => {
    const moved = aProcess('mirror', hour, { oldUse: hour - 60 });
    const verdict = drainVerdict(aQuestion(hour, { ...deadline, presence: [moved] }));
    expect(verdict).toMatchObject({ outcome: 'overdue', quietAt: at(hour - 60 + 900 + 120) });
  });

  test('an intermittent consumer that used the old key last has not moved on', () => {
    const quietAt = (oldUse: number) => {
      const presence = [aProcess('ci', hour, { oldUse, newUse: 3000 })];
      const verdict = drainVerdict(aQuestion(hour, { ...deadline, declared: [ci], presence }));
      return verdict.outcome === 'overdue' && verdict.quietAt;
    };
    expect(quietAt(2900)).toBe(at(2900 + 2 * hour + 120));
    expect(quietAt(3100)).toBeNull();
  });

  test.each([
    [
      'the old key is still in memory',
      aProcess('mirror', hour, { oldUse: 3500, holds: [oldVersion, newVersion] }),
    ],
    [
      'the old key was used after the new one',
      aProcess('mirror', hour, { oldUse: 3500, newUse: 3000, holds: [] }),
    ],
    ['somebody is unknown', aProcess('mirror', 600)],
  ])('more than quiet is missing when %s', (_, process) => {
    const verdict = drainVerdict(aQuestion(hour, { ...deadline, presence: [process] }));
    expect(verdict).toMatchObject({ outcome: 'overdue', quietAt: null, heldBy: ['mirror'] });
  });

  test('a drained key is drained, however late', () => {
    const verdict = drainVerdict(
      aQuestion(2 * hour, { ...deadline, presence: [aProcess('mirror', 2 * hour)] }),
    );
    expect(verdict.outcome).toBe('drained');
  });
});

test('a reason names five holders and counts the rest', () => {
  const declared = Array.from({ length: 8 }, (_, i) => aConsumer(`worker-${i}`));
  const { reason, heldBy } = drainVerdict(
    aQuestion(hour, { declared, presence: [aProcess('mirror', hour)] }),
  );
  expect(heldBy).toHaveLength(8);
  expect(reason).toContain('worker-4');
  expect(reason).toMatch(/; and 3 more$/);
});

test('a time on another day is told with its date', () => {
  const verdict = drainVerdict(
    aQuestion(hour, { declared: [aConsumer('mirror')], presence: [aProcess('mirror', -20 * hour)] }),
  );
  expect(verdict.reason).toContain('has not been seen since 2026-11-20 14:00:00Z');
});
