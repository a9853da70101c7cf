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
  const latestStart = key.expiresAt && plus(key.expiresAt, -(policy.grace.max + timeBeforeExpiry));
  if (!latestStart || byPolicy <= latestStart) return byPolicy;
  // Every window opens within a week, so this one opens in time.
  return policy.windows
    ? earliest(latestStart, opensAt(policy.windows, plus(latestStart, -week)))
    : latestStart;
}

const week: Seconds = 7 * 86_400;

/** An adopted key's age counts, but nothing starts within a day. */
export const dueAfterAdoption = (policy: Policy, key: Key, now: Instant): Instant =>
  opensAt(policy.windows, latest(dueAfter(policy, key, key.mintedAt), plus(now, timeToLook)));

/** @param failures abandoned rotations in a row, this one included. */
export const dueAfterFailure = (policy: Policy, failures: number, now: Instant): Instant =>
  opensAt(policy.windows, plus(now, backOff[Math.min(failures, backOff.length) - 1] ?? 0));

/** The next moment at which consumers may be given another key; a first key changes nothing for anybody. */
export const mayChangeAt = ({ currentGeneration, declaration }: Credential, now: Instant): Instant =>
  currentGeneration === 0 ? now : opensAt(declaration.policy.windows, now);
