/** One change of a credential's key, from `begin` to `complete`; `advance` is the only way it changes. */
import type { DrainVerdict } from '../usage/drain.ts';
import { type Instant, plus, type Seconds } from '../usage/instant.ts';

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
  /** `old` and `new`: it was to leave, and has. */
  readonly why: Leaving | 'orphan' | 'abandoned';
  /** When the issuer was first asked: from here on it may be dead. Absent before. */
  readonly askedAt?: Instant;
  /** When the issuer accepted the revoke; null before. */
  readonly revokedAt: Instant | null;
}

export type CondemnedKey = Omit<Condemned, 'why' | 'askedAt' | 'revokedAt'>;

/** EventBridge detail types that keyturn emits, source `keyturn`. */
export const outgoingEvents = [
  'Rotation Started',
  'Key Promoted',
  'Decision Needed',
  'Key Enabled',
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

/** What an owner can say about an overdue key. */
export const choices = ['extend', 'revoke', 'roll-back'] as const;

export type Choice = (typeof choices)[number];

/** What was said, by whom, and to which question. */
export interface Decision {
  readonly choice: Choice;
  /** How long to wait, from the deadline or from now, whichever is later; only with `extend`. */
  readonly seconds?: Seconds;
  /** Number of the question that it answers; 0 when none was open. */
  readonly question: number;
  /** Who, as AWS names the caller; `policy` when keyturn.yaml says it. */
  readonly by: string;
  readonly at: Instant;
}

/** Put to the owner, and not answered yet. */
export interface Question {
  /** 1 for the rotation's first. */
  readonly number: number;
  readonly askedAt: Instant;
  /** When it was put last: a question is repeated daily under its number. */
  readonly remindedAt: Instant;
}

/** Which key of the rotation a phase from the grace on is to end. Roll back turns it round; old and new keep their names. */
export type Leaving = 'old' | 'new';

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
  /** Wakes the execution that waits for the owner; null when none does. */
  readonly token: string | null;
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
  readonly leaving: Leaving;
  /** How many questions the owner was asked. */
  readonly questions: number;
  /** The one that waits for an answer. */
  readonly question: Question | null;
  /** The newest answer. */
  readonly decision: Decision | null;
  /** Why the last roll back did not come about; null when none was refused since the last question. */
  readonly refusal: string | null;
  /** When the issuer took the leaving key out of use for a trial; null while it is enabled. */
  readonly disabledAt: Instant | null;
  /** No trial and no revoke before this, since somebody has missed the key or wants it; null when nobody does. */
  readonly keepUntil: Instant | null;
  /** Trials that ended with the key enabled again: it was missed, or nobody could be heard. */
  readonly breakages: number;
  /** Who missed it in the last trial, by name. */
  readonly brokenBy: readonly string[];
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
    | ({ readonly phase: 'rolling-back' } & GraceFacts)
    | ({ readonly phase: 'disabling' } & GraceFacts)
    | ({ readonly phase: 'observing' } & GraceFacts)
    | ({ readonly phase: 'enabling' } & GraceFacts)
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
  'rolling-back': 'rollBack',
  disabling: 'disableKey',
  // Which says when to look at what has broken.
  observing: 'disableKey',
  enabling: 'enableKey',
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
      readonly key: CondemnedKey;
      /** Whether the issuer takes it out of use for a trial first. */
      readonly disables: boolean;
    }
  | { readonly name: 'keyDisabled'; readonly at: Instant }
  | { readonly name: 'nothingBroken'; readonly key: CondemnedKey }
  | { readonly name: 'breakageSeen'; readonly by: readonly string[] }
  /** `unheard`: it could not be told whether anybody misses it. */
  | { readonly name: 'keySpared'; readonly unheard?: true }
  | { readonly name: 'trialSkipped'; readonly reason: string; readonly key: CondemnedKey }
  | { readonly name: 'keyEnabled'; readonly deadline: Instant }
  | {
      readonly name: 'decided';
      readonly decision: Decision;
      readonly key: CondemnedKey;
      /** With `revoke`: whether the issuer takes the key out of use for a trial first. */
      readonly disables: boolean;
    }
  | { readonly name: 'rolledBack'; readonly at: Instant; readonly graceMax: number }
  | { readonly name: 'rollBackRefused'; readonly at: Instant; readonly reason: string }
  | { readonly name: 'decisionNeeded'; readonly at: Instant; readonly verdict: DrainVerdict }
  | { readonly name: 'nothingToDrain'; readonly at: Instant }
  | { readonly name: 'proofAged' }
  | { readonly name: 'revokeAccepted'; readonly at: Instant }
  | { readonly name: 'provenDead' }
  | { readonly name: 'completed'; readonly at: Instant }
  | { readonly name: 'abandonBegun'; readonly reason: string }
  | { readonly name: 'abandoned'; readonly at: Instant }
  | { readonly name: 'blocked'; readonly at: Instant; readonly reason: string };

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
  | 'rollBack'
  | 'disableKey'
  | 'enableKey'
  | 'revokeKey'
  | 'proveDead'
  | 'complete'
  | 'abandon'
  | 'end';

/** The facts that a rotation carries from its promotion on, or undefined before. */
export function graceFacts(rotation: Rotation): GraceFacts | undefined {
  return 'promotedAt' in rotation ? rotation : undefined;
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
    leaving: 'old',
    questions: 0,
    question: null,
    decision: null,
    refusal: null,
    disabledAt: null,
    keepUntil: null,
    breakages: 0,
    brokenBy: [],
    deployments: {},
  };
}

type Disabled = Extract<Rotation, { phase: 'disabling' | 'observing' | 'revoking' }>;

/** The leaving key is, or may be, disabled at the issuer, and nobody has asked to end it. */
export const isOnTrial = (rotation: Rotation): rotation is Disabled =>
  rotation.phase === 'disabling' ||
  rotation.phase === 'observing' ||
  (rotation.phase === 'revoking' && rotation.disabledAt !== null && isUnasked(rotation));

/** Nobody has asked the issuer to end the condemned key: until then it can be spared. */
export const isUnasked = ({ condemned }: Rotation): boolean => !condemned?.askedAt && !condemned?.revokedAt;
