/** How long a proof of drain is good for, and from when on a use of the key refutes it. */
import { type Instant, plus, type Seconds } from '../usage/instant.ts';
import type { Ports } from './ports.ts';
import { graceFacts, type Rotation } from './rotation.ts';

/**
 * An issuer that cannot be reached may take days. New processes read the staying key, so that silence does not end
 * easily.
 */
const proofLasts: Seconds = 86_400;

/** A decision to revoke needs no proof, so it has none that could grow old. */
export function isProofOld({ clock }: Pick<Ports, 'clock'>, rotation: Rotation): boolean {
  const { drainedAt = null, decision = null } = graceFacts(rotation) ?? {};
  if (decision?.choice === 'revoke') return false;
  return !drainedAt || plus(drainedAt, proofLasts) < clock.now();
}

/**
 * Whoever has used the key since then misses it in its trial. Not only since the issuer's answer: the key may have
 * been out of use before that came.
 */
export function trialSince(rotation: Rotation): Instant {
  const facts = graceFacts(rotation);
  return facts?.drainedAt ?? facts?.decision?.at ?? facts?.disabledAt ?? rotation.startedAt;
}
