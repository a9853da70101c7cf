/** A rotation ten minutes into its grace, for tests of the drain verdict: each test names what it is about. */
import type { DrainQuestion, IssuerWitness, KeyInQuestion } from '../../lib/usage/drain.ts';
import { type Instant, plus } from '../../lib/usage/instant.ts';
import type { Consumer, Presence } from '../../lib/usage/presence.ts';

export const promotedAt = '2026-11-21T10:00:00.000Z';
export const oldVersion = '11111111-1111-5111-8111-111111111111';
export const newVersion = '22222222-2222-5222-8222-222222222222';

export const oldKey: KeyInQuestion = { versionId: oldVersion, generation: 4 };
export const newKey: KeyInQuestion = { versionId: newVersion, generation: 5 };

/** The new key leaves and the old one stays: `promotedAt` is then when it was rolled back. */
export const rolledBack = { leaving: newKey, staying: oldKey } as const;

/** `seconds` after the promotion. */
export const at = (seconds: number): Instant => plus(promotedAt, seconds);

/** Looked at `now` seconds after the promotion; minimum grace 1 h, deadline 4 h, quiet 15 min, reports every minute. */
export function aQuestion(now: number, overrides: Partial<DrainQuestion> = {}): DrainQuestion {
  return {
    now: at(now),
    promotedAt,
    graceEnds: at(3600),
    deadline: at(4 * 3600),
    quiet: 900,
    reportEvery: 60,
    leaving: oldKey,
    staying: newKey,
    issuer: null,
    targetsBehind: [],
    declared: [aConsumer('mirror')],
    presence: [],
    ...overrides,
  };
}

export function aConsumer(name: string, overrides: Partial<Consumer> = {}): Consumer {
  return { name, presence: 'continuous', lostAfter: 3600, ...overrides };
}

/** A process of `consumer` whose newest report came `seen` seconds after the promotion and that holds the new key. */
export function aProcess(
  consumer: string,
  seen: number,
  { oldUse, newUse, ...overrides }: { oldUse?: number; newUse?: number } & Partial<Presence> = {},
): Presence {
  return {
    credentialId: 'npm-token',
    consumer,
    instance: `${consumer}-1`,
    seq: 10,
    windowEnd: at(seen),
    lastSeen: at(seen),
    leftAt: null,
    holds: [newVersion],
    lastUse: {
      ...(oldUse !== undefined && { [oldVersion]: at(oldUse) }),
      ...(newUse !== undefined && { [newVersion]: at(newUse) }),
    },
    ...overrides,
  };
}

/** An issuer that shows each use five minutes later at the latest, and has seen none. */
export function anIssuer(
  says: { lastUsedAt: Instant | null } | { failure: string } = { lastUsedAt: null },
  overrides: Partial<Pick<IssuerWitness, 'lag' | 'lastProbedAt'>> = {},
): IssuerWitness {
  return { name: 'openai', lag: 300, lastProbedAt: null, ...overrides, ...says };
}
