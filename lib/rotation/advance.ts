/** How a rotation changes: the one function that every step goes through, and that knows what no phase allows. */
import { type Instant, latest, plus } from '../usage/instant.ts';
import { ImpossibleTransition } from './errors.ts';
import {
  abandonable,
  type CondemnedKey,
  type Decision,
  type Deployed,
  type GraceFacts,
  graceFacts,
  graceFrom,
  isOnTrial,
  isUnasked,
  type Phase,
  type Rotation,
  type RotationEvent,
} from './rotation.ts';

/**
 * The rotation after `event`.
 *
 * @throws ImpossibleTransition when the phase does not allow the event; in particular nothing is abandoned
 * from `promoting` on (the commit point).
 */
export function advance(rotation: Rotation, event: RotationEvent): Rotation {
  const allowed = (...phases: readonly Phase[]): void => {
    if (!phases.includes(rotation.phase)) throw impossible(rotation, event);
  };
  switch (event.name) {
    case 'takenOver':
      return { ...rotation, run: event.run };
    case 'attemptTaken':
      allowed('issuing');
      return { ...rotation, attempt: event.intent.attempt, intent: event.intent };
    case 'keyMinted':
      allowed('issuing');
      return rotation;
    case 'condemned':
      allowed('issuing', 'completing', 'abandoning');
      if (rotation.condemned) throw impossible(rotation, event);
      return { ...rotation, condemned: { ...event.key, why: whyCondemned(rotation), revokedAt: null } };
    case 'keyStored':
      allowed('issuing');
      return { ...rotation, phase: 'verifying' };
    case 'keyVerified':
      allowed('verifying', 'verified');
      return { ...rotation, phase: 'verified' };
    case 'keyAdopted':
      allowed('verifying');
      if (rotation.kind !== 'adopt') throw impossible(rotation, event);
      return { ...rotation, phase: 'completing', ...graceFrom(event.at, 0), drainedAt: event.at };
    case 'promotionBegun':
      allowed('verified');
      return { ...rotation, phase: 'promoting' };
    case 'keyPromoted':
      allowed('promoting');
      return { ...rotation, phase: 'grace', ...graceFrom(event.at, event.graceMax) };
    case 'keyDeployed':
      return withDeployment(rotation, event, {
        done: true,
        at: event.at,
        failures: 0,
        reason: null,
        told: false,
      });
    case 'deployFailed': {
      const failures = (graceFacts(rotation)?.deployments[event.target]?.failures ?? 0) + 1;
      const { at, reason, told } = event;
      return withDeployment(rotation, event, { done: false, at, failures, reason, told });
    }
    case 'retirementCancelled':
      if (!isInUse(rotation) || rotation.kind !== 'retire') throw impossible(rotation, event);
      return { ...rotation, condemned: null, phase: 'abandoned', reason: event.reason, endedAt: event.at };
    case 'proofAged':
      if (rotation.phase !== 'revoking' || rotation.disabledAt || rotation.condemned?.revokedAt)
        throw impossible(rotation, event);
      return { ...rotation, condemned: null, phase: 'grace', drainedAt: null };
    case 'graceExtended':
      if (rotation.phase !== 'grace') throw impossible(rotation, event);
      return {
        ...rotation,
        deadline: plus(rotation.deadline, event.bySeconds),
        extensions: rotation.extensions + 1,
      };
    case 'drained':
      if (rotation.phase !== 'grace') throw impossible(rotation, event);
      return {
        ...rotation,
        ...(event.disables ? { phase: 'disabling' as const } : revoking(rotation, event.key)),
        checks: rotation.checks + 1,
        drainedAt: event.at,
        verdict: event.verdict,
        question: null,
      };
    case 'keyDisabled':
      if (rotation.phase !== 'disabling') throw impossible(rotation, event);
      return { ...rotation, phase: 'observing', disabledAt: event.at, brokenBy: [] };
    case 'nothingBroken':
      if (rotation.phase !== 'observing') throw impossible(rotation, event);
      return { ...rotation, ...revoking(rotation, event.key) };
    case 'trialSkipped':
      if (rotation.phase !== 'disabling') throw impossible(rotation, event);
      return { ...rotation, ...revoking(rotation, event.key) };
    case 'breakageSeen':
      if (!isOnTrial(rotation) || !rotation.disabledAt) throw impossible(rotation, event);
      return {
        ...rotation,
        condemned: null,
        phase: 'enabling',
        breakages: rotation.breakages + 1,
        brokenBy: event.by,
      };
    case 'keySpared':
      if (!isOnTrial(rotation)) throw impossible(rotation, event);
      return {
        ...rotation,
        condemned: null,
        phase: 'enabling',
        brokenBy: [],
        breakages: rotation.breakages + (event.unheard ? 1 : 0),
      };
    case 'keyEnabled':
      if (rotation.phase !== 'enabling') throw impossible(rotation, event);
      return {
        ...rotation,
        phase: 'grace',
        drainedAt: null,
        disabledAt: null,
        decision: null,
        keepUntil: latest(rotation.keepUntil ?? event.deadline, event.deadline),
        deadline: latest(rotation.deadline, event.deadline),
      };
    case 'decided':
      return afterDecision(rotation, event);
    case 'rolledBack':
      if (rotation.phase !== 'rolling-back') throw impossible(rotation, event);
      return {
        ...rotation,
        phase: 'grace',
        ...graceFrom(event.at, event.graceMax),
        leaving: 'new',
        questions: rotation.questions,
        decision: rotation.decision,
      };
    case 'rollBackRefused':
      if (rotation.phase !== 'rolling-back') throw impossible(rotation, event);
      return { ...rotation, phase: 'grace', refusal: event.reason, ...asked(rotation, event.at) };
    case 'decisionNeeded':
      if (rotation.phase !== 'grace') throw impossible(rotation, event);
      return { ...rotation, verdict: event.verdict, ...asked(rotation, event.at) };
    case 'nothingToDrain':
      if (rotation.phase !== 'grace') throw impossible(rotation, event);
      return { ...rotation, phase: 'completing', drainedAt: event.at };
    case 'revokeAccepted':
      if (!rotation.condemned) throw impossible(rotation, event);
      return { ...rotation, condemned: { ...rotation.condemned, revokedAt: event.at } };
    case 'provenDead':
      return afterProof(rotation, event);
    case 'completed':
      if (rotation.phase !== 'completing') throw impossible(rotation, event);
      return { ...rotation, phase: 'completed', endedAt: event.at };
    case 'abandonBegun':
      allowed(...abandonable);
      return { ...rotation, phase: 'abandoning', reason: event.reason };
    case 'abandoned':
      if (rotation.phase !== 'abandoning') throw impossible(rotation, event);
      return { ...rotation, phase: 'abandoned', endedAt: event.at };
    case 'blocked':
      allowed('issuing', 'abandoning');
      return { ...rotation, phase: 'blocked', reason: event.reason, endedAt: event.at };
    default:
      return event satisfies never;
  }
}

function withDeployment(
  rotation: Rotation,
  event: RotationEvent & { readonly target: string },
  deployed: Deployed,
): Rotation {
  if (rotation.phase !== 'grace') throw impossible(rotation, event);
  return { ...rotation, deployments: { ...rotation.deployments, [event.target]: deployed } };
}

/** The leaving key can be used, and nobody has asked the issuer to end it. */
const isInUse = (rotation: Rotation): rotation is Extract<Rotation, { phase: 'grace' | 'revoking' }> =>
  rotation.phase === 'grace' ||
  (rotation.phase === 'revoking' && rotation.disabledAt === null && isUnasked(rotation));

const revoking = ({ leaving }: GraceFacts, key: CondemnedKey) =>
  ({ phase: 'revoking', condemned: { ...key, why: leaving, revokedAt: null } }) as const;

/** The same question again while it is open, else the next one. */
function asked({ question, questions }: GraceFacts, at: Instant): Pick<GraceFacts, 'question' | 'questions'> {
  if (question) return { questions, question: { ...question, remindedAt: at } };
  const number = questions + 1;
  return { questions: number, question: { number, askedAt: at, remindedAt: at } };
}

/**
 * A key that is out of use for a trial is enabled and kept when its owner wants more time. Whoever knows better may have
 * it revoked in any of these phases.
 */
function afterDecision(rotation: Rotation, event: RotationEvent & { readonly name: 'decided' }): Rotation {
  const { decision, key, disables } = event;
  if (rotation.phase !== 'grace' && rotation.phase !== 'enabling' && !isOnTrial(rotation))
    throw impossible(rotation, event);
  switch (decision.choice) {
    case 'extend': {
      const kept = extended(rotation, decision);
      if (rotation.phase === 'grace') return { ...rotation, ...kept };
      const keepUntil = kept.deadline;
      return { ...rotation, ...kept, keepUntil, condemned: null, phase: 'enabling', brokenBy: [] };
    }
    case 'revoke':
      return {
        ...rotation,
        ...answered(decision),
        ...(disables ? { phase: 'disabling' as const } : revoking(rotation, key)),
      };
    case 'roll-back':
      if (rotation.phase !== 'grace' || rotation.leaving === 'new' || rotation.kind !== 'rotate')
        throw impossible(rotation, event);
      return { ...rotation, ...answered(decision), phase: 'rolling-back' };
    default:
      return decision.choice satisfies never;
  }
}

const answered = (decision: Decision) => ({ decision, question: null, refusal: null, token: null });

const extended = ({ deadline }: GraceFacts, decision: Decision) => ({
  ...answered(decision),
  deadline: plus(latest(deadline, decision.at), decision.seconds ?? 0),
});

const whyCondemned = ({ phase }: Rotation) => (phase === 'abandoning' ? 'abandoned' : 'orphan');

/** A dead orphan or abandoned key leads back to where its rotation was; the dead old key leads on to Complete. */
function afterProof(rotation: Rotation, event: RotationEvent): Rotation {
  if (!rotation.condemned?.revokedAt) throw impossible(rotation, event);
  const proven = { ...rotation, condemned: null };
  return proven.phase === 'revoking' ? { ...proven, phase: 'completing' } : proven;
}

function impossible(rotation: Rotation, event: RotationEvent): ImpossibleTransition {
  return new ImpossibleTransition(
    `rotation ${rotation.rotationId} is ${rotation.phase}, which does not allow ${event.name}: report this as a bug of keyturn`,
  );
}
