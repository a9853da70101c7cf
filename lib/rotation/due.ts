/** When a credential's next rotation is due. */
import { earliest, type Instant, latest, plus, type Seconds } from '../usage/instant.ts';
import type { Credential, Policy } from './credential.ts';
import type { Key } from './key.ts';
import { opensAt } from './window.ts';

/** Seconds before a key's expiry in which its successor's grace must be over. */
export const timeBeforeExpiry: Seconds = 86_400;

/** After an adoption somebody has this long to look at the plan before anything changes. */
const timeToLook: Seconds = 86_400;

/** Between two tries after abandoned rotations, the last one for all further. */
const backOff: readonly Seconds[] = [15 * 60, 3600, 6 * 3600, 86_400];

/** Abandoned rotations in a row after which a credential is `failing`. */
export const failuresUntilFailing = 5;

/** By policy, when a window is open; and early enough before the issuer ends the key by itself. */
export function dueAfter(policy: Policy, key: Pick<Key, 'expiresAt'>, since: Instant): Instant {
  const byPolicy = opensAt(policy.windows, plus(since, policy.rotateEvery));
  const latestStart = latestStartOf(policy, key);
  if (!latestStart || byPolicy <= latestStart) return byPolicy;
  return policy.windows
    ? earliest(latestStart, opensAt(policy.windows, plus(latestStart, -week)))
    : latestStart;
}

/** When a successor must begin, so that its grace is over before the key ends by itself; null when it does not end. */
export const latestStartOf = ({ grace }: Policy, { expiresAt }: Pick<Key, 'expiresAt'>): Instant | null =>
  expiresAt && plus(expiresAt, -(grace.max + timeBeforeExpiry));

const week: Seconds = 7 * 86_400;

/** An adopted key's age counts, but nothing starts within a day. */
export const dueAfterAdoption = (policy: Policy, key: Key, now: Instant): Instant =>
  opensAt(policy.windows, latest(dueAfter(policy, key, key.mintedAt), plus(now, timeToLook)));

/** @param failures abandoned rotations in a row, this one included. */
export function dueAfterFailure(
  { declaration: { policy }, mustChangeBy }: Credential,
  failures: number,
  now: Instant,
): Instant {
  const next = plus(now, backOff[Math.min(failures, backOff.length) - 1] ?? 0);
  return inTime(mustChangeBy, next, opensAt(policy.windows, next));
}

/** The next moment at which consumers may be given another key; a first key changes nothing for anybody. */
export function mayChangeAt(credential: Credential, now: Instant): Instant {
  const { currentGeneration, declaration, mustChangeBy } = credential;
  if (currentGeneration === 0) return now;
  return inTime(mustChangeBy, now, opensAt(declaration.policy.windows, now));
}

/** A window that opens too late for a key that ends by itself is no reason to wait: it would cut its consumers off. */
const inTime = (mustChangeBy: Instant | null, now: Instant, opens: Instant): Instant =>
  mustChangeBy && mustChangeBy < opens ? latest(now, mustChangeBy) : opens;
