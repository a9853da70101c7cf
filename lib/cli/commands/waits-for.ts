/** What has to happen before a credential goes on, in words: the first question of whoever looks at a rotation. */
import type { Credential } from '../../rotation/credential.ts';
import { graceFacts, type Phase, type Rotation } from '../../rotation/rotation.ts';
import { type Instant, plus } from '../../usage/instant.ts';

/** @param rotation the one under way, or the one that is blocked. */
export function waitsFor(
  credential: Credential,
  rotation: Rotation | undefined,
  now: Instant,
): string | null {
  if (!rotation) return credential.status === 'new' ? 'the sweep to start its first rotation' : null;
  const ended = 'endedAt' in rotation;
  if (!ended && rotation.expectedBy < now) {
    return `its execution, which was to be heard of by ${rotation.expectedBy}: look at it in Step Functions`;
  }
  if (rotation.condemned?.revokedAt) return `the proof that key ${rotation.condemned.keyId} is dead`;
  if (rotation.condemned) return `the issuer to revoke key ${rotation.condemned.keyId}`;
  if (rotation.phase === 'grace') return drainOf(credential, rotation);
  return rotation.phase === 'blocked' ? `a person: ${rotation.reason}` : waitIn[rotation.phase];
}

function drainOf({ declaration }: Credential, rotation: Rotation): string {
  const facts = graceFacts(rotation);
  if (facts?.verdict) return facts.verdict.heldBy.join(', ') || facts.verdict.reason;
  const { min } = declaration.policy.grace;
  return facts ? `the minimum grace, until ${plus(facts.promotedAt, min)}` : 'the minimum grace';
}

const waitIn = {
  issuing: 'the issuer to make the new key',
  verifying: 'the issuer to accept the new key',
  verified: 'the new key to be promoted',
  promoting: 'the new key to be promoted',
  revoking: 'the issuer to revoke the old key',
  completing: 'a last look at the issuer for stray keys',
  completed: null,
  abandoning: 'the issuer to revoke the abandoned key',
  abandoned: null,
} as const satisfies Record<Exclude<Phase, 'grace' | 'blocked'>, string | null>;
