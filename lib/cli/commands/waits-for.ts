/** What has to happen before a credential goes on, in words: the first question of whoever looks at a rotation. */
import type { Credential } from '../../rotation/credential.ts';
import { observeOf } from '../../rotation/disable-key.ts';
import { mayChangeAt } from '../../rotation/due.ts';
import type { GraceFacts, Phase, Rotation } from '../../rotation/rotation.ts';
import { type Instant, plus } from '../../usage/instant.ts';
import { span } from '../../usage/span.ts';
import { decideCommand, generationsIn } from './open-decision.ts';

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
  if (rotation.phase === 'grace') return drainOf(credential, rotation, rotation);
  if (isTurning(rotation)) return trialOf(credential, rotation);
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

function drainOf({ declaration }: Credential, rotation: Rotation, facts: GraceFacts): string {
  const { verdict, question } = facts;
  if (question) {
    const held = facts.refusal ?? heldWords(facts);
    return `${declaration.owner.name}'s decision on question ${question.number} (${decideCommand(rotation, facts)}): ${held}`;
  }
  if (verdict) return verdict.heldBy.join(', ') || verdict.reason;
  const failing = failingTargets(facts);
  if (failing.length > 0) return failing.join(', ');
  return `the minimum grace, until ${plus(facts.promotedAt, declaration.policy.grace.min)}`;
}

const heldWords = ({ verdict }: GraceFacts): string =>
  verdict && verdict.heldBy.length > 0
    ? `held by ${verdict.heldBy.join(', ')}`
    : (verdict?.reason ?? 'overdue');

type Turning = Extract<Rotation, { phase: (typeof turning)[number] }>;

const turning = ['rolling-back', 'disabling', 'observing', 'enabling'] as const;

const isTurning = (rotation: Rotation): rotation is Turning =>
  turning.some((phase) => phase === rotation.phase);

/** A key that is disabled for a trial, or brought back. */
function trialOf({ declaration }: Credential, rotation: Turning): string {
  const key = `generation ${generationsIn(rotation, rotation).leaving}`;
  switch (rotation.phase) {
    case 'rolling-back':
      return `the issuer to accept generation ${rotation.oldGeneration}, which is to be promoted again`;
    case 'disabling':
      return `the issuer to disable ${key} for a trial`;
    case 'observing': {
      const { disabledAt } = rotation;
      const since = disabledAt ? ` since ${disabledAt}` : '';
      return `whoever misses ${key}, which is disabled${since}, to show: for ${span(observeOf(declaration.policy))}, and until everybody has been heard`;
    }
    case 'enabling':
      return `the issuer to enable ${key} again${missedBy(rotation)}`;
    default:
      return rotation satisfies never;
  }
}

const missedBy = ({ brokenBy }: GraceFacts): string =>
  brokenBy.length === 0 ? '' : `, which ${brokenBy.join(', ')} missed`;

const failingTargets = ({ deployments }: GraceFacts): readonly string[] =>
  Object.entries(deployments).flatMap(([target, { done, reason }]) =>
    done ? [] : [`target ${target} (${reason})`],
  );

const waitIn = {
  issuing: 'the issuer to make the new key',
  verifying: 'the issuer to accept the new key',
  promoting: 'the new key to be promoted',
  revoking: 'the issuer to revoke the leaving key',
  completing: 'a last look at the issuer for stray keys',
  completed: null,
  abandoning: 'the issuer to revoke the abandoned key',
  abandoned: null,
} as const satisfies Record<
  Exclude<Phase, 'grace' | 'blocked' | 'verified' | Turning['phase']>,
  string | null
>;
