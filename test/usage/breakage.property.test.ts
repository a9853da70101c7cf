/** What holds for every breakage verdict, whatever anybody says. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BreakageQuestion, breakage } from '../../lib/usage/breakage.ts';
import { plus, secondsBetween } from '../../lib/usage/instant.ts';
import { missedReports } from '../../lib/usage/life.ts';
import { anyQuestion } from './drain-arbitraries.ts';

const anyTrial: fc.Arbitrary<BreakageQuestion> = fc
  .record({
    question: anyQuestion,
    since: fc.integer({ min: 0, max: 7200 }),
    before: fc.integer({ min: 0, max: 600 }),
    observe: fc.integer({ min: 1, max: 3600 }),
    reportsDenied: fc.boolean(),
    denied: fc.option(fc.integer({ min: 0, max: 10_000 })),
  })
  .map(({ question, since, before, observe, reportsDenied, denied }) => {
    const { now, reportEvery, leaving, declared, presence, issuer } = question;
    const lastDeniedAt = denied === null ? null : plus(now, -denied);
    return {
      now,
      disabledAt: plus(now, -since),
      since: plus(now, -since - before),
      observe,
      reportEvery,
      leaving,
      declared,
      presence,
      issuer: issuer && 'lastUsedAt' in issuer ? { ...issuer, reportsDenied, lastDeniedAt } : issuer,
    };
  });

test('a trial is quiet only when it is over, nobody was seen with the key, and all who are present have said so', () => {
  let quiet = 0;
  fc.assert(
    fc.property(anyTrial, (trial) => {
      if (breakage(trial).outcome !== 'quiet') return;
      quiet += 1;
      const { now, disabledAt, observe, leaving, declared, presence, issuer, reportEvery } = trial;
      const until = plus(disabledAt, observe);
      expect(now >= until).toBe(true);
      for (const { lastUse } of presence) expect((lastUse[leaving.versionId] ?? '') < disabledAt).toBe(true);
      const watched = presence.filter(({ foreign, consumer, leftAt, lastSeen }) => {
        const comesAndGoes = declared.some((one) => one.name === consumer && one.presence === 'intermittent');
        const present = secondsBetween(lastSeen, now) <= missedReports * reportEvery;
        return !foreign && !comesAndGoes && leftAt === null && present;
      });
      for (const { windowEnd } of watched) expect(windowEnd >= until).toBe(true);
      if (!issuer || 'failure' in issuer) return;
      expect((issuer.lastDeniedAt ?? '') < disabledAt).toBe(true);
      expect(!issuer.reportsDenied || plus(until, issuer.lag) <= now).toBe(true);
    }),
    { numRuns: 2000 },
  );
  expect(quiet).toBeGreaterThan(30);
}, 60_000);

test('whoever used the key since its proof breaks the trial, by name, in any order of rows', () => {
  fc.assert(
    fc.property(anyTrial, (trial) => {
      const { presence, leaving, since } = trial;
      const users = presence.filter(({ lastUse }) => (lastUse[leaving.versionId] ?? '') >= since);
      const seen = breakage(trial);
      expect(breakage({ ...trial, presence: presence.toReversed() })).toEqual(seen);
      if (users.length === 0) return;
      const by = [...new Set(users.map(({ consumer }) => consumer))].sort();
      expect(seen).toMatchObject({ outcome: 'broken', by });
    }),
  );
}, 60_000);
