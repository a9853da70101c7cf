/** One change of a credential's key, from `begin` to `complete`; `advance` is the only way it changes. */
import type { DrainVerdict } from '../usage/drain.ts';
import { type Instant, plus } from '../usage/instant.ts';
import { ImpossibleTransition } from './errors.ts';

/** What is about to be asked of the issuer, written before the call, so that its key can be found after a crash. */
export interface Intent {
  readonly attempt: number;
  /** When this attempt was asked for: its key shows in lists no later than the issuer's lag after it. */
  readonly at: Instant;
  /** Key ids that the issuer listed before the rotation's first create: whatever else shows up may be ours. */
  readonly listed: readonly string[];
}

/** The one key that this rotation is revoking. */
export interface Condemned {
  readonly generation: number;
  readonly attempt: number;
  readonly keyId: string;
  readonly why: 'old' | 'orphan' | 'abandoned';
  /** When the issuer accepted the revoke; null before. */
  readonly revokedAt: Instant | null;
}

export type CondemnedKey = Omit<Condemned, 'why' | 'revokedAt'>;

/** EventBridge detail types that keyturn emits, source `keyturn`. */
export const outgoingEvents = [
  'Rotation Started',
  'Key Promoted',
  'Decision Needed',
  'Rotation Completed',
  'Rotation Abandoned',
  'Rotation Rejected',
  'Unknown Key Found',
  'Target Failing',
] as const;

export type OutgoingEvent = (typeof outgoingEvents)[number];

/** An event that the ledger owes to the bus: kept with the row until PutEvents has acknowledged it. */
export interface Announcement {
  readonly seq: number;
  readonly hash: string;
  readonly at: Instant;
  readonly type: OutgoingEvent;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Exclusive use of the rotation's side effects by one invocation. */
export interface Lease {
  readonly requestId: string;
  readonly until: Instant;
}

/**
 * `rotate` puts a new key in the old one's place · `adopt` takes over the key that a secret holds already ·
 * `retire` ends the last key of a credential that is no longer declared.
 */
export type RotationKind = 'rotate' | 'adopt' | 'retire';

/** Where a target stands with the new key. */
export interface Deployed {
  /** Whether the target has it. */
  readonly done: boolean;
  readonly at: Instant;
  /** Times in a row that it has failed. */
  readonly failures: number;
  /** What the last failure said. */
  readonly reason: string | null;
  /** Whether the owner has heard that it fails. */
  readonly told: boolean;
}

interface Base {
  readonly kind: RotationKind;
  readonly credentialId: string;
  readonly rotationId: string;
  /** Generation of the new key. */
  readonly generation: number;
  /** Generation of the old key; 0 when this is the first. */
  readonly oldGeneration: number;
  /** The credential's epoch when the rotation was made. */
  readonly epoch: number;
  /** Which execution owns it; a resume bumps it. */
  readonly run: number;
  /** The attempt under way; 0 before the first. */
  readonly attempt: number;
  /** Who or what asked for it, in words. */
  readonly requestedBy: string;
  readonly startedAt: Instant;
  /** Past this moment the execution must be presumed dead. */
  readonly expectedBy: Instant;
  /** Times in a row that a new run was started without getting on. */
  readonly resumes: number;
  readonly lease: Lease | null;
  readonly outbox: readonly Announcement[];
  readonly intent: Intent | null;
  readonly condemned: Condemned | null;
}

/** What is known from the commit point on. */
export interface GraceFacts {
  readonly promotedAt: Instant;
  readonly deadline: Instant;
  readonly extensions: number;
  /** Times that Check drain has looked. */
  readonly checks: number;
  /** The newest answer, for people. */
  readonly verdict: DrainVerdict | null;
  /** When the proof was complete; null while the old key waits. */
  readonly drainedAt: Instant | null;
  /** When the owner was asked last what to do about an overdue key; null before. */
  readonly askedAt: Instant | null;
  /** By target; one that is missing has not been tried. */
  readonly deployments: Readonly<Record<string, Deployed>>;
}

export type Rotation = Base &
  (
    | { readonly phase: 'issuing' }
    | { readonly phase: 'verifying' }
    | { readonly phase: 'verified' }
    | { readonly phase: 'promoting' }
    | ({ readonly phase: 'grace' } & GraceFacts)
    | ({ readonly phase: 'revoking' } & GraceFacts)
    | ({ readonly phase: 'completing' } & GraceFacts)
    | ({ readonly phase: 'completed'; readonly endedAt: Instant } & GraceFacts)
    | { readonly phase: 'abandoning'; readonly reason: string }
    | { readonly phase: 'abandoned'; readonly reason: string; readonly endedAt: Instant }
    | { readonly phase: 'blocked'; readonly reason: string; readonly endedAt: Instant }
  );

export type Phase = Rotation['phase'];

/** The step that each phase needs. */
const stepOf = {
  issuing: 'issueKey',
  verifying: 'verifyKey',
  verified: 'promoteKey',
  promoting: 'promoteKey',
  grace: 'checkDrain',
  revoking: 'revokeKey',
  completing: 'complete',
  completed: 'end',
  abandoning: 'abandon',
  abandoned: 'end',
  blocked: 'end',
} as const satisfies Record<Phase, NextStep>;

/** Every phase, in the order in which a rotation goes through them. */
export const phases = Object.keys(stepOf) as readonly Phase[];

/** Phases before the commit point: only from these a rotation can be abandoned. */
export const abandonable: readonly Phase[] = ['issuing', 'verifying', 'verified'];

export type RotationEvent =
  | { readonly name: 'takenOver'; readonly run: number }
  | { readonly name: 'attemptTaken'; readonly intent: Intent }
  | { readonly name: 'keyMinted' }
  | { readonly name: 'condemned'; readonly key: CondemnedKey }
  | { readonly name: 'keyStored' }
  | { readonly name: 'keyVerified' }
  | { readonly name: 'keyAdopted'; readonly at: Instant }
  | { readonly name: 'promotionBegun' }
  | { readonly name: 'keyPromoted'; readonly at: Instant; readonly graceMax: number }
  | { readonly name: 'keyDeployed'; readonly target: string; readonly at: Instant }
  | {
      readonly name: 'deployFailed';
      readonly target: string;
      readonly at: Instant;
      readonly reason: string;
      readonly told: boolean;
    }
  | { readonly name: 'retirementCancelled'; readonly at: Instant; readonly reason: string }
  | { readonly name: 'graceExtended'; readonly bySeconds: number }
  | {
      readonly name: 'drained';
      readonly at: Instant;
      readonly verdict: DrainVerdict;
      readonly old: CondemnedKey;
    }
  | { readonly name: 'decisionNeeded'; readonly at: Instant; readonly verdict: DrainVerdict }
  | { readonly name: 'nothingToDrain'; readonly at: Instant }
  | { readonly name: 'proofAged' }
  | { readonly name: 'revokeAccepted'; readonly at: Instant }
  | { readonly name: 'provenDead' }
  | { readonly name: 'completed'; readonly at: Instant }
  | { readonly name: 'abandonBegun'; readonly reason: string }
  | { readonly name: 'abandoned'; readonly at: Instant }
  | { readonly name: 'blocked'; readonly at: Instant; readonly reason: string };

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
      if (!isUnrevoked(rotation) || rotation.kind !== 'retire') throw impossible(rotation, event);
      return { ...rotation, condemned: null, phase: 'abandoned', reason: event.reason, endedAt: event.at };
    case 'proofAged':
      if (!isUnrevoked(rotation) || rotation.phase !== 'revoking') throw impossible(rotation, event);
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
        condemned: { ...event.old, why: 'old', revokedAt: null },
        phase: 'revoking',
        checks: rotation.checks + 1,
        drainedAt: event.at,
        verdict: event.verdict,
      };
    case 'decisionNeeded':
      if (rotation.phase !== 'grace') throw impossible(rotation, event);
      return { ...rotation, askedAt: event.at, verdict: event.verdict };
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

/** The step that a rotation needs next, whoever asks: Begin after a crash, or a Choice after a proof. */
export function nextStep(rotation: Rotation): NextStep {
  if (rotation.condemned) return rotation.condemned.revokedAt ? 'proveDead' : 'revokeKey';
  return stepOf[rotation.phase];
}

export type NextStep =
  | 'issueKey'
  | 'verifyKey'
  | 'promoteKey'
  | 'checkDrain'
  | 'revokeKey'
  | 'proveDead'
  | 'complete'
  | 'abandon'
  | 'end';

/** The facts that a rotation carries from its promotion on, or undefined before. */
export function graceFacts(rotation: Rotation): GraceFacts | undefined {
  return 'promotedAt' in rotation ? rotation : undefined;
}

function withDeployment(
  rotation: Rotation,
  event: RotationEvent & { readonly target: string },
  deployed: Deployed,
): Rotation {
  if (rotation.phase !== 'grace') throw impossible(rotation, event);
  return { ...rotation, deployments: { ...rotation.deployments, [event.target]: deployed } };
}

export function graceFrom(promotedAt: Instant, graceMax: number): GraceFacts {
  const deadline = plus(promotedAt, graceMax);
  return {
    promotedAt,
    deadline,
    extensions: 0,
    checks: 0,
    verdict: null,
    drainedAt: null,
    askedAt: null,
    deployments: {},
  };
}

/** The old key lives, and nobody has asked the issuer to end it. */
const isUnrevoked = (rotation: Rotation): rotation is Extract<Rotation, { phase: 'grace' | 'revoking' }> =>
  (rotation.phase === 'grace' || rotation.phase === 'revoking') && !rotation.condemned?.revokedAt;

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
