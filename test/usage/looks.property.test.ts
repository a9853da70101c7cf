/** When Check drain looks: seldom enough to be cheap, and never before there can be anything to see. */
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type DrainQuestion, drainVerdict, lookGrowth, nextLook } from '../../lib/usage/drain.ts';
import { type Instant, plus, secondsBetween } from '../../lib/usage/instant.ts';
import { reportLag } from '../../lib/usage/life.ts';
import { day, hour } from './drain-arbitraries.ts';
import { anIssuer, aProcess, aQuestion, at, promotedAt } from './drain-question.ts';

// Thousands of samples take a while on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** Any grace that keyturn.yaml may ask for in production, with an issuer of any lag that it lets through, or none. */
const graces: fc.Arbitrary<DrainQuestion> = fc
  .record({
    min: fc.integer({ min: hour, max: 30 * day }),
    more: fc.integer({ min: 0, max: 30 * day }),
    quiet: fc.integer({ min: 300, max: day }),
    reportEvery: fc.integer({ min: 1, max: 60 }),
    lag: fc.double({ min: 0, max: 1, noNaN: true }),
    probed: fc.option(fc.integer({ min: -2 * day, max: 2 * day })),
    witness: fc.boolean(),
  })
  .map(({ min, more, quiet, reportEvery, lag, probed, witness }) => {
    const max = Math.max(hour, Math.min(min + more, 30 * day));
    const lastProbedAt = probed === null ? null : at(probed);
    const allowed = { lag: Math.floor(lag * (max - hour)), lastProbedAt };
    return aQuestion(0, {
      graceEnds: at(min),
      deadline: at(max),
      quiet,
      reportEvery,
      issuer: witness ? anIssuer({ lastUsedAt: lastProbedAt }, allowed) : null,
    });
  });

/** How long before each look the key was used last, as somebody reported it or the issuer saw it; null: never. */
const usage = fc.array(
  fc.record({
    reported: fc.option(fc.integer({ min: 0, max: day })),
    seen: fc.option(fc.integer({ min: 0, max: day })),
  }),
  { minLength: 1, maxLength: 30 },
);

/** Asks for the next look, as Check drain does, from the promotion to the deadline. */
function looks(
  question: DrainQuestion,
  uses: readonly { readonly reported: number | null; readonly seen: number | null }[],
): readonly Instant[] {
  const taken: Instant[] = [];
  let now = question.now;
  while (now < question.deadline && taken.length < 100) {
    const use = uses[taken.length % uses.length];
    const presence = [aProcess('mirror', secondsBetween(promotedAt, now))].map((row) => ({
      ...row,
      lastUse: use?.reported == null ? {} : { [question.leaving.versionId]: plus(now, -use.reported) },
    }));
    const issuer =
      question.issuer && use?.seen != null
        ? { ...question.issuer, lastUsedAt: plus(now, -use.seen) }
        : question.issuer;
    const asked = { ...question, now, presence, issuer };
    const verdict = drainVerdict(asked);
    now = nextLook(asked, verdict.outcome === 'waiting' ? verdict.lastOldUse : null);
    taken.push(now);
  }
  return taken;
}

describe('the looks', () => {
  test('are at most 24 for any grace from one hour to 30 days, any usage, and any issuer', () => {
    fc.assert(
      fc.property(graces, usage, (question, uses) => {
        expect(looks(question, uses).length).toBeLessThanOrEqual(24);
      }),
      { numRuns: 2000 },
    );
  });

  test('are at most 24 for the longest grace with the shortest minimum', () => {
    const longest = aQuestion(0, { graceEnds: at(hour), deadline: at(30 * day), quiet: 300, reportEvery: 1 });
    const never = [{ reported: null, seen: null }];
    expect(looks(longest, never).length).toBeLessThanOrEqual(24);
    expect(looks(longest, never).length).toBeGreaterThan(20);
    const issuer = anIssuer({ lastUsedAt: null }, { lag: 0 });
    expect(looks({ ...longest, issuer }, never).length).toBeLessThanOrEqual(24);
  });

  test('go forward, and the last one is at the deadline', () => {
    fc.assert(
      fc.property(graces, usage, (question, uses) => {
        const taken = looks(question, uses);
        expect(taken).toEqual([...new Set(taken)].sort());
        expect(taken.at(-1)).toBe(question.deadline);
      }),
    );
  });

  /** Everybody reports at once and always, has moved on, and used the key last at `last`. */
  const calm = (question: DrainQuestion, now: Instant, last: Instant | null): DrainQuestion => {
    const row = aProcess('mirror', secondsBetween(promotedAt, now));
    return {
      ...question,
      now,
      presence: [{ ...row, lastUse: last ? { [question.leaving.versionId]: last } : {} }],
    };
  };

  const calmGraces = fc.tuple(
    graces,
    fc.option(fc.integer({ min: 0, max: day })),
    fc.integer({ min: 0, max: day }),
  );

  test('are not made before the issuer can prove silence, and are made as soon as it can', () => {
    fc.assert(
      fc.property(calmGraces, ([question, used, later]) => {
        if (!question.issuer) return;
        const now = at((used ?? 0) + later);
        const last = used === null ? null : at(used);
        if (now >= question.deadline) return;
        const look = nextLook(calm(question, now, last), last);
        if (look >= question.deadline) return;
        expect(drainVerdict(calm(question, look, last)).outcome).toBe('drained');
        const needed = plus(now, lookGrowth * secondsBetween(promotedAt, now));
        const reported = last ? plus(last, question.quiet + reportLag * question.reportEvery) : promotedAt;
        if (look <= plus(needed, 1) || look <= question.graceEnds || look <= reported) return;
        expect(drainVerdict(calm(question, plus(look, -0.001), last)).outcome).toBe('waiting');
      }),
      { numRuns: 2000 },
    );
  });

  test('past the deadline are put off to when only quiet is missing, and then it is not', () => {
    let count = 0;
    fc.assert(
      fc.property(calmGraces, ([question, used, later]) => {
        const last = used === null ? null : at(used);
        const now = plus(question.deadline, later % hour);
        if (last && last > now) return;
        const verdict = drainVerdict(calm(question, now, last));
        if (verdict.outcome === 'drained') return;
        const quietAt = verdict.outcome === 'overdue' ? verdict.quietAt : null;
        if (!quietAt) throw new Error(`nothing but quiet is missing: ${verdict.reason}`);
        count += 1;
        expect(quietAt > now).toBe(true);
        expect(drainVerdict(calm(question, quietAt, last)).outcome).toBe('drained');
      }),
      { numRuns: 2000 },
    );
    expect(count).toBeGreaterThan(50);
  });
});

describe('the next look', () => {
  test('is at the end of the minimum grace first', () => {
    expect(nextLook(aQuestion(0), null)).toBe(at(hour));
  });

  test('is when the silence of the last use can be proven: quiet, and the way of a report, later', () => {
    expect(nextLook(aQuestion(hour), at(hour))).toBe(at(hour + lookGrowth * hour));
    expect(nextLook(aQuestion(hour, { quiet: 1800 }), at(hour))).toBe(at(hour + 1800 + reportLag * 60));
  });

  test('is after now, even when the deadline is not', () => {
    const question = aQuestion(5 * hour);
    expect(nextLook(question, null) > question.now).toBe(true);
  });
});
