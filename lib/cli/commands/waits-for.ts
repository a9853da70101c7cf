/** What has to happen before a credential goes on, in words: the first question of whoever looks at a rotation. */
import type { Credential } from '../../rotation/credential.ts';
import { mayChangeAt } from '../../rotation/due.ts';
import { type GraceFacts, graceFacts, type Phase, type Rotation } from '../../rotation/rotation.ts';
import { type Instant, plus } from '../../usage/instant.ts';

/** @param rotation the one under way, or the one that is blocked. */
export function waitsFor(
  credential: Credential,
  rotation: Rotation | undefined,
  now: Instant,
): string | null {
  if (!rotation) return startOf(credential);
  const ended = 'endedAt' in rotation;
  if (!ended && rotation.expectedBy < now) {
    return `its execution, which was to be heard of by ${rotation.expectedBy}: the sweep or "keyturn resume" starts another if it is dead`;
  }
  if (rotation.condemned?.revokedAt) return `the proof that key ${rotation.condemned.keyId} is dead`;
  if (rotation.condemned) return `the issuer to revoke key ${rotation.condemned.keyId}`;
  if (rotation.phase === 'grace') return drainOf(credential, rotation);
  if (rotation.phase === 'verified') return promotionOf(credential, now);
  return rotation.phase === 'blocked' ? `a person: ${rotation.reason}` : waitIn[rotation.phase];
}

function startOf({ pause, status, failures }: Credential): string | null {
  if (pause) return `"keyturn resume": paused by ${pause.by} (${pause.reason})`;
  if (status === 'new' && failures === 0) return 'the sweep to start its first rotation';
  if (status === 'retiring') return 'the sweep to end its last key';
  return failures > 0 ? `its next try, after ${failures} abandoned in a row: see why in its history` : null;
}

function promotionOf(credential: Credential, now: Instant): string {
  const opens = mayChangeAt(credential, now);
  return opens > now ? `its window, which opens at ${opens}` : waitIn.promoting;
}

function drainOf({ declaration }: Credential, rotation: Rotation): string {
  const facts = graceFacts(rotation);
  if (rotation.oldGeneration > 0 && declaration.consumers.length === 0)
    return `declared consumers: keyturn.yaml names none, so it never completes, and ${alive(rotation)}`;
  if (facts?.verdict) {
    const holders = facts.verdict.heldBy.join(', ') || facts.verdict.reason;
    return facts.verdict.outcome === 'overdue'
      ? `${holders} (overdue: ${alive(rotation)} until they let go)`
      : holders;
  }
  const failing = failingTargets(facts);
  if (failing.length > 0) return failing.join(', ');
  const { min } = declaration.policy.grace;
  return facts ? `the minimum grace, until ${plus(facts.promotedAt, min)}` : 'the minimum grace';
}

const alive = ({ kind }: Rotation): string =>
  kind === 'retire' ? 'its last key stays alive' : 'both keys stay alive';

const failingTargets = (facts: GraceFacts | undefined): readonly string[] =>
  Object.entries(facts?.deployments ?? {}).flatMap(([target, { done, reason }]) =>
    done ? [] : [`target ${target} (${reason})`],
  );

const waitIn = {
  issuing: 'the issuer to make the new key',
  verifying: 'the issuer to accept the new key',
  promoting: 'the new key to be promoted',
  revoking: 'the issuer to revoke the old key',
  completing: 'a last look at the issuer for stray keys',
  completed: null,
  abandoning: 'the issuer to revoke the abandoned key',
  abandoned: null,
} as const satisfies Record<Exclude<Phase, 'grace' | 'blocked' | 'verified'>, string | null>;
