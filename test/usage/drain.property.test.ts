/** What holds for every drain verdict, whatever consumers say and however long the grace is. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DrainQuestion, drainVerdict, lookGrowth, nextLook, reportLag } from '../../lib/usage/drain.ts';
import { type Instant, plus, secondsBetween } from '../../lib/usage/instant.ts';
import type { Presence } from '../../lib/usage/presence.ts';
import { missedReports } from '../../lib/usage/standing.ts';
import { aConsumer, aProcess, aQuestion, at, newVersion, oldVersion, promotedAt } from './drain-question.ts';

const hour = 3600;
const day = 24 * hour;
const names = ['mirror', 'nightly', 'worker', 'crawler'] as const;

/** Clustered around the present, where the rules meet. */
const ago = fc.oneof(
  fc.integer({ min: 0, max: 400 }),
  fc.integer({ min: 0, max: 3 * hour }),
  fc.integer({ max: 60 * day, min: 0 }),
);
const uses = fc.option(ago, { nil: undefined });
const heldKeys = fc.subarray([oldVersion, newVersion, 'another']);

const aNow = fc.integer({ min: 1, max: 10 * hour });

const process = (now: number): fc.Arbitrary<Presence> =>
  fc
    .record({
      name: fc.constantFrom(...names),
      instance: fc.integer({ min: 0, max: 5 }),
      seen: ago,
      behind: fc.integer({ min: 0, max: 400 }),
      left: fc.boolean(),
      holds: heldKeys,
      oldUse: uses,
      newUse: uses,
    })
    .map(({ name, instance, seen, behind, left, holds, oldUse, newUse }) =>
      aProcess(name, now - seen, {
        instance: String(instance),
        windowEnd: at(now - seen - behind),
        leftAt: left ? at(now - seen) : null,
        holds,
        ...(oldUse !== undefined && { oldUse: now - oldUse }),
        ...(newUse !== undefined && { newUse: now - newUse }),
      }),
    );

const declaredConsumers = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom(...names),
      intermittent: fc.boolean(),
      lostAfter: fc.integer({ min: 30, max: day }),
      period: fc.option(fc.integer({ min: 60, max: 2 * day }), { nil: undefined }),
    }),
    { selector: ({ name }) => name, maxLength: 3 },
  )
  .map((rows) =>
    rows.map(({ name, intermittent, lostAfter, period }) =>
      aConsumer(name, {
        presence: intermittent ? 'intermittent' : 'continuous',
        lostAfter,
        ...(period !== undefined && { period }),
      }),
    ),
  );

/** Of every four keys one has none after it: its credential retires. */
const successor = fc.constantFrom(newVersion, newVersion, newVersion, null);

const questions: fc.Arbitrary<DrainQuestion> = aNow.chain((now) =>
  fc
    .record({
      presence: fc.array(process(now), { maxLength: 6 }),
      declared: declaredConsumers,
      quiet: fc.integer({ min: 1, max: hour }),
      min: fc.integer({ min: 0, max: 2 * hour }),
      max: fc.integer({ min: 0, max: 12 * hour }),
      targetsBehind: fc.subarray(['vault', 'restart']),
      newVersionId: successor,
    })
    .map(({ min, max, ...fields }) =>
      aQuestion(now, { ...fields, graceEnds: at(min), deadline: at(min + max) }),
    ),
);

/** Questions that may well drain: the property about `drained` must not hold for want of drained verdicts. */
const calmQuestions = aNow.chain((now) =>
  fc
    .record({
      oldUse: uses,
      newUse: fc.integer({ min: 0, max: 400 }),
      seen: fc.integer({ min: 0, max: 240 }),
      quiet: fc.integer({ min: 1, max: hour }),
      extra: fc.array(process(now), { maxLength: 1 }),
      newVersionId: successor,
    })
    .map(({ oldUse, newUse, seen, quiet, extra, newVersionId }) =>
      aQuestion(now, {
        quiet,
        newVersionId,
        graceEnds: at(0),
        presence: [
          aProcess('mirror', now - seen, {
            newUse: now - newUse,
            ...(oldUse !== undefined && { oldUse: now - oldUse }),
          }),
          ...extra,
        ],
      }),
    ),
);

const anyQuestion = fc.oneof(questions, calmQuestions);

const isPresent = (row: Presence, { now, reportEvery }: DrainQuestion): boolean =>
  row.leftAt === null && secondsBetween(row.lastSeen, now) <= missedReports * reportEvery;

describe('a drained key', () => {
  const drained = (check: (question: DrainQuestion) => void): number => {
    let count = 0;
    fc.assert(
      fc.property(anyQuestion, (question) => {
        if (drainVerdict(question).outcome !== 'drained') return;
        count += 1;
        check(question);
      }),
      { numRuns: 3000 },
    );
    return count;
  };

  test('was used by nobody within quiet, as of the watermark', () => {
    const count = drained((question) => {
      const intermittent = new Set(
        question.declared.filter((c) => c.presence === 'intermittent').map((c) => c.name),
      );
      const watermark = question.presence
        .filter((row) => isPresent(row, question) && !intermittent.has(row.consumer))
        .reduce<Instant>((a, b) => (a < b.windowEnd ? a : b.windowEnd), question.now);
      for (const { lastUse } of question.presence) {
        const use = lastUse[oldVersion];
        if (use) expect(plus(use, question.quiet) <= watermark).toBe(true);
      }
      expect(watermark >= promotedAt).toBe(true);
    });
    expect(count).toBeGreaterThan(100);
  });

  test('is in no target any more', () => {
    drained(({ targetsBehind }) => expect(targetsBehind).toEqual([]));
  });

  test('is held by nobody present', () => {
    drained((question) => {
      const holders = question.presence.filter(
        (row) => row.holds.includes(oldVersion) && isPresent(row, question),
      );
      const patience = (row: Presence) => question.declared.find(({ name }) => name === row.consumer);
      const awake = holders.filter((row) => {
        const consumer = patience(row);
        if (consumer?.presence !== 'intermittent') return true;
        return secondsBetween(row.lastSeen, question.now) < Math.max(question.quiet, consumer.period ?? 0);
      });
      expect(awake).toEqual([]);
    });
  });

  test('has no consumer that is unknown, was never seen, or holds it back, and its minimum grace is over', () => {
    drained((question) => {
      const { consumers, heldBy } = drainVerdict(question);
      expect(heldBy).toEqual([]);
      expect(consumers.filter(({ state }) => state !== 'on new' && state !== 'gone')).toEqual([]);
      const seen = new Set(question.presence.map(({ consumer }) => consumer));
      expect(question.declared.filter(({ name }) => !seen.has(name))).toEqual([]);
      expect(question.now >= question.graceEnds).toBe(true);
    });
  });
});

test('the same question has the same answer, and is left as it was', () => {
  fc.assert(
    fc.property(anyQuestion, (question) => {
      const before = JSON.stringify(question);
      const shuffled = { ...question, presence: question.presence.toReversed() };
      expect(drainVerdict(question)).toEqual(drainVerdict(question));
      expect(drainVerdict(shuffled)).toEqual(drainVerdict(question));
      expect(JSON.stringify(question)).toBe(before);
    }),
  );
});

test('a key that is not drained waits before the deadline and is overdue from then on, with a reason', () => {
  fc.assert(
    fc.property(anyQuestion, (question) => {
      const { outcome, reason } = drainVerdict(question);
      if (outcome !== 'drained')
        expect(outcome).toBe(question.now < question.deadline ? 'waiting' : 'overdue');
      expect(reason).not.toBe('');
    }),
  );
});

describe('the looks', () => {
  const graces = fc
    .record({
      min: fc.integer({ min: hour, max: 30 * day }),
      more: fc.integer({ min: 0, max: 30 * day }),
      quiet: fc.integer({ min: 300, max: day }),
      reportEvery: fc.integer({ min: 1, max: 60 }),
    })
    .map(({ min, more, quiet, reportEvery }) =>
      aQuestion(0, { graceEnds: at(min), deadline: at(Math.min(min + more, 30 * day)), quiet, reportEvery }),
    );

  /** Follows nextLook from the promotion to the deadline; the old key was last used `idle` seconds before each look. */
  const looks = (question: DrainQuestion, idle: number | null): readonly Instant[] => {
    const taken: Instant[] = [];
    let now = question.now;
    while (now < question.deadline && taken.length < 100) {
      now = nextLook({ ...question, now }, idle === null ? null : plus(now, -idle));
      taken.push(now);
    }
    return taken;
  };

  test('are at most 24 for any grace from one hour to 30 days', () => {
    fc.assert(
      fc.property(graces, fc.option(fc.integer({ min: 0, max: day })), (question, idle) => {
        expect(looks(question, idle).length).toBeLessThanOrEqual(24);
      }),
      { numRuns: 2000 },
    );
    const longest = aQuestion(0, { graceEnds: at(hour), deadline: at(30 * day), quiet: 300, reportEvery: 1 });
    expect(looks(longest, null).length).toBeLessThanOrEqual(24);
  });

  test('go forward, and the last one is at the deadline', () => {
    fc.assert(
      fc.property(graces, fc.option(fc.integer({ min: 0, max: day })), (question, idle) => {
        const taken = looks(question, idle);
        expect(taken).toEqual([...new Set(taken)].sort());
        expect(taken.at(-1)).toBe(question.deadline);
      }),
    );
  });
});

describe('the next look', () => {
  test('is at the end of the minimum grace first', () => {
    expect(nextLook(aQuestion(0), null)).toBe(at(hour));
  });

  test('is when the silence of the last old use can be proven: quiet, and the way of a report, later', () => {
    expect(nextLook(aQuestion(hour), at(hour))).toBe(at(hour + lookGrowth * hour));
    expect(nextLook(aQuestion(hour, { quiet: 1800 }), at(hour))).toBe(at(hour + 1800 + reportLag * 60));
  });

  test('is after now, even when the deadline is not', () => {
    const question = aQuestion(5 * hour);
    expect(nextLook(question, null) > question.now).toBe(true);
  });
});
