/** What holds for every drain verdict, whatever consumers and issuers say. */
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type DrainQuestion, drainVerdict } from '../../lib/usage/drain.ts';
import { type Instant, latest, plus, secondsBetween } from '../../lib/usage/instant.ts';
import { missedReports } from '../../lib/usage/life.ts';
import type { Consumer, Presence } from '../../lib/usage/presence.ts';
import { anyQuestion, outsider } from './drain-arbitraries.ts';
import { promotedAt } from './drain-question.ts';

// Thousands of samples take a while on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const isPresent = (row: Presence, { now, reportEvery }: DrainQuestion): boolean =>
  !row.foreign && row.leftAt === null && secondsBetween(row.lastSeen, now) <= missedReports * reportEvery;

const consumerOf = (row: Presence, { declared }: DrainQuestion): Consumer | undefined =>
  row.foreign ? undefined : declared.find(({ name }) => name === row.consumer);

const isIntermittent = (row: Presence, question: DrainQuestion): boolean =>
  consumerOf(row, question)?.presence === 'intermittent';

const leavingUses = ({ presence, leaving }: DrainQuestion): readonly Instant[] =>
  presence.flatMap(({ lastUse }) => lastUse[leaving.versionId] ?? []);

describe('a drained key', () => {
  const drained = (check: (question: DrainQuestion) => void): void => {
    let count = 0;
    fc.assert(
      fc.property(anyQuestion, (question) => {
        if (drainVerdict(question).outcome !== 'drained') return;
        count += 1;
        check(question);
      }),
      { numRuns: 2000 },
    );
    expect(count).toBeGreaterThan(30);
  };

  test('was used by nobody within quiet, as of the watermark', () => {
    drained((question) => {
      const watermark = question.presence
        .filter((row) => isPresent(row, question) && !isIntermittent(row, question))
        .reduce<Instant>((a, b) => (a < b.windowEnd ? a : b.windowEnd), question.now);
      for (const use of leavingUses(question)) expect(plus(use, question.quiet) <= watermark).toBe(true);
      expect(watermark >= promotedAt).toBe(true);
    });
  });

  test('was used by no consumer that comes and goes for its whole period', () => {
    drained((question) => {
      for (const row of question.presence) {
        const use = row.lastUse[question.leaving.versionId];
        const period = isIntermittent(row, question) ? (consumerOf(row, question)?.period ?? 0) : 0;
        if (use) expect(plus(use, period) <= question.now).toBe(true);
      }
    });
  });

  test('was silent for its issuer, as far as that can see: for quiet after anybody has used it, or may have', () => {
    drained((question) => {
      const { issuer, now, quiet } = question;
      if (!issuer) return;
      if ('failure' in issuer) throw new Error('an issuer that cannot be asked proves nothing');
      const { lastUsedAt, lastProbedAt, lag } = issuer;
      const hidden = lastUsedAt && lastProbedAt && lastUsedAt <= plus(lastProbedAt, lag);
      const seen = hidden ? plus(lastProbedAt, lag) : lastUsedAt;
      const last = latest(promotedAt, ...leavingUses(question), seen ?? promotedAt);
      expect(plus(last, quiet) <= plus(now, -lag)).toBe(true);
    });
  });

  test('has somebody whose silence means something', () => {
    drained(({ declared, presence, issuer, staying }) => {
      const names = new Set(declared.map(({ name }) => name));
      const heard = presence.some(
        ({ consumer, foreign, lastSeen }) =>
          !foreign && names.has(consumer) && (staying === null || lastSeen >= promotedAt),
      );
      expect(declared.length > 0 ? heard : issuer !== null).toBe(true);
    });
  });

  test('is in no target any more', () => {
    drained(({ targetsBehind }) => expect(targetsBehind).toEqual([]));
  });

  test('is held by nobody present', () => {
    drained((question) => {
      const { now, quiet, leaving } = question;
      const awake = question.presence.filter((row) => {
        if (!row.holds.includes(leaving.versionId) || !isPresent(row, question)) return false;
        const period = consumerOf(row, question)?.period ?? 0;
        return !isIntermittent(row, question) || secondsBetween(row.lastSeen, now) < Math.max(quiet, period);
      });
      expect(awake).toEqual([]);
    });
  });

  test('has no declared process that vanished without goodbye less than lostAfter ago', () => {
    drained((question) => {
      const { now, reportEvery } = question;
      for (const row of question.presence) {
        const consumer = consumerOf(row, question);
        if (consumer?.presence !== 'continuous' || row.leftAt !== null || isPresent(row, question)) continue;
        const patience = missedReports * reportEvery + consumer.lostAfter;
        expect(secondsBetween(row.lastSeen, now)).toBeGreaterThan(patience);
      }
    });
  });

  test('has no declared consumer that comes and goes and has not come with the staying key', () => {
    drained(({ declared, presence, staying, promotedAt }) => {
      if (!staying) return;
      for (const { name } of declared.filter((consumer) => consumer.presence === 'intermittent')) {
        const uses = presence
          .filter(({ consumer, foreign }) => consumer === name && !foreign)
          .map(({ lastUse }) => lastUse[staying.versionId] ?? '');
        expect(uses.some((use) => use >= promotedAt)).toBe(true);
      }
    });
  });

  test('has no consumer that is unknown, was never seen, or holds it back, and its minimum grace is over', () => {
    drained((question) => {
      const { consumers, heldBy } = drainVerdict(question);
      const stays = question.staying && question.leaving.generation > question.staying.generation;
      expect(heldBy).toEqual([]);
      for (const { state } of consumers) expect([stays ? 'on old' : 'on new', 'gone']).toContain(state);
      const seen = new Set(question.presence.map(({ consumer, foreign }) => !foreign && consumer));
      expect(question.declared.filter(({ name }) => !seen.has(name))).toEqual([]);
      expect(question.now >= question.graceEnds).toBe(true);
    });
  });
});

test('nobody who is not declared can make a key drain that does not', () => {
  const withOutsider = anyQuestion.chain((question) =>
    fc.tuple(
      fc.constant(question),
      fc.array(outsider(secondsBetween(promotedAt, question.now)), { minLength: 1, maxLength: 3 }),
    ),
  );
  fc.assert(
    fc.property(withOutsider, (sample) => {
      const [question, outsiders] = sample;
      if (drainVerdict(question).outcome === 'drained') return;
      const crowded = { ...question, presence: [...question.presence, ...outsiders] };
      expect(drainVerdict(crowded).outcome).not.toBe('drained');
    }),
    { numRuns: 2000 },
  );
});

test('the same question has the same answer in any order of rows, and is left as it was', () => {
  const shuffled = anyQuestion.chain((question) =>
    fc.tuple(
      fc.constant(question),
      fc.shuffledSubarray([...question.presence], { minLength: question.presence.length }),
    ),
  );
  fc.assert(
    fc.property(shuffled, ([question, presence]) => {
      const before = JSON.stringify(question);
      expect(drainVerdict(question)).toEqual(drainVerdict(question));
      expect(drainVerdict({ ...question, presence })).toEqual(drainVerdict(question));
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

test('whoever keeps the key is named: an overdue or waiting key without a holder lacks only time or a witness', () => {
  fc.assert(
    fc.property(anyQuestion, (question) => {
      const { outcome, heldBy, reason } = drainVerdict(question);
      if (outcome === 'drained' || heldBy.length > 0) return;
      const early = question.now < question.graceEnds && reason.includes('the minimum grace lasts until');
      expect(early || /nobody reports|declares no consumer/.test(reason)).toBe(true);
    }),
  );
});

test('a roll back is judged as the rotation is, with old and new exchanged in its words', () => {
  const exchanged = {
    'on old': 'on new',
    'on new': 'on old',
    both: 'both',
    unknown: 'unknown',
    gone: 'gone',
  };
  fc.assert(
    fc.property(anyQuestion, (question) => {
      const { leaving, staying } = question;
      if (!staying) return;
      const mirrored = drainVerdict({
        ...question,
        leaving: { ...leaving, generation: staying.generation },
        staying: { ...staying, generation: leaving.generation },
      });
      const verdict = drainVerdict(question);
      expect(mirrored.outcome).toBe(verdict.outcome);
      expect(mirrored.heldBy).toEqual(verdict.heldBy);
      expect(mirrored.consumers).toEqual(
        verdict.consumers.map((state) => ({ ...state, state: exchanged[state.state] })),
      );
    }),
  );
});
