/** Any question that the drain verdict may be asked, and questions that may well drain, for property tests. */
import * as fc from 'fast-check';
import type { DrainQuestion, IssuerWitness } from '../../lib/usage/drain.ts';
import type { Presence } from '../../lib/usage/presence.ts';
import {
  aConsumer,
  anIssuer,
  aProcess,
  aQuestion,
  at,
  newKey,
  newVersion,
  oldVersion,
  rolledBack,
} from './drain-question.ts';

export const hour = 3600;
export const day = 24 * hour;

/** Names that may be declared; whoever has another one is a stranger. */
const names = ['mirror', 'nightly', 'worker', 'crawler'] as const;
const strangers = ['laptop', 'notebook'] as const;

/** Clustered around the present, where the rules meet. */
const ago = fc.oneof(
  fc.integer({ min: 0, max: 400 }),
  fc.integer({ min: 0, max: 3 * hour }),
  fc.integer({ min: 0, max: 60 * day }),
);
const uses = fc.option(ago, { nil: undefined });
const heldKeys = fc.subarray([oldVersion, newVersion, 'another']);

const aNow = fc.integer({ min: 1, max: 10 * hour });

const processOf = (now: number, name: fc.Arbitrary<string>): fc.Arbitrary<Presence> =>
  fc
    .record({
      name,
      instance: fc.integer({ min: 0, max: 5 }),
      seen: ago,
      behind: fc.integer({ min: 0, max: 400 }),
      left: fc.boolean(),
      holds: heldKeys,
      oldUse: uses,
      newUse: uses,
    })
    .map(({ name: consumer, instance, seen, behind, left, holds, oldUse, newUse }) =>
      aProcess(consumer, now - seen, {
        instance: String(instance),
        windowEnd: at(now - seen - behind),
        leftAt: left ? at(now - seen) : null,
        holds,
        ...(oldUse !== undefined && { oldUse: now - oldUse }),
        ...(newUse !== undefined && { newUse: now - newUse }),
      }),
    );

/** Somebody who is not declared, or speaks for a consumer without being its role. */
export const outsider = (now: number): fc.Arbitrary<Presence> =>
  fc.oneof(
    processOf(now, fc.constantFrom(...strangers)),
    processOf(now, fc.constantFrom('mirror@AROAEXAMPLE', 'laptop@AROAEXAMPLE')).map((row) => ({
      ...row,
      holds: [],
      leftAt: null,
      foreign: true as const,
    })),
  );

const anyone = (now: number) =>
  fc.oneof(
    { weight: 4, arbitrary: processOf(now, fc.constantFrom(...names)) },
    { weight: 1, arbitrary: outsider(now) },
  );

const issuerAt = (now: number): fc.Arbitrary<IssuerWitness | null> =>
  fc
    .record({
      lag: fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 5 * hour })),
      probed: uses,
      used: uses,
      failed: fc.integer({ min: 0, max: 9 }),
      silent: fc.boolean(),
    })
    .map(({ lag, probed, used, failed, silent }) => {
      const lastProbedAt = probed === undefined ? null : at(now - probed);
      const lastUsedAt = used === undefined ? null : at(now - used);
      if (silent) return null;
      return anIssuer(failed === 0 ? { failure: 'timed out' } : { lastUsedAt }, { lag, lastProbedAt });
    });

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

/** Of every five questions one is on a credential that retires, and one on a rotation that was rolled back. */
const keys = fc.constantFrom<Partial<DrainQuestion>>(
  { staying: newKey },
  { staying: newKey },
  { staying: newKey },
  { staying: null },
  rolledBack,
);

const questions: fc.Arbitrary<DrainQuestion> = aNow.chain((now) =>
  fc
    .record({
      presence: fc.array(anyone(now), { maxLength: 6 }),
      declared: declaredConsumers,
      quiet: fc.integer({ min: 1, max: hour }),
      min: fc.integer({ min: 0, max: 2 * hour }),
      max: fc.integer({ min: 0, max: 12 * hour }),
      targetsBehind: fc.subarray(['vault', 'restart']),
      issuer: issuerAt(now),
      keys,
    })
    .map(({ min, max, keys: inQuestion, ...fields }) =>
      aQuestion(now, { ...fields, ...inQuestion, graceEnds: at(min), deadline: at(min + max) }),
    ),
);

/** Questions that may well drain: a property of drained keys must not hold for want of them. */
const calmQuestions: fc.Arbitrary<DrainQuestion> = aNow.chain((now) =>
  fc
    .record({
      oldUse: uses,
      newUse: fc.integer({ min: 0, max: 400 }),
      seen: fc.integer({ min: 0, max: 240 }),
      quiet: fc.integer({ min: 1, max: hour }),
      extra: fc.array(anyone(now), { maxLength: 1 }),
      issuer: issuerAt(now),
      declares: fc.boolean(),
      retires: fc.boolean(),
    })
    .map(({ oldUse, newUse, seen, quiet, extra, issuer, declares, retires }) =>
      aQuestion(now, {
        quiet,
        issuer,
        graceEnds: at(0),
        ...(retires && { staying: null }),
        ...(!declares && { declared: [] }),
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

export const anyQuestion = fc.oneof(questions, calmQuestions);
