/** What the ledger says of credentials, as plain data: `--json` prints it, the formats make it readable. */
import type { Credential, Pause } from '../../rotation/credential.ts';
import type { Key, KeyStatus, Proof } from '../../rotation/key.ts';
import {
  type Decision,
  type Deployed,
  type GraceFacts,
  graceFacts,
  type Phase,
  type Question,
  type Rotation,
  type RotationKind,
} from '../../rotation/rotation.ts';
import type { DrainVerdict } from '../../usage/drain.ts';
import { type Instant, type Seconds, secondsBetween } from '../../usage/instant.ts';
import type { Presence } from '../../usage/presence.ts';
import { inParallel } from '../in-parallel.ts';
import type { Stack } from '../stack.ts';
import { type ConsumerSeen, consumersSeen } from './consumers-seen.ts';
import { knownCredential } from './known-credential.ts';
import { generationsIn } from './open-decision.ts';
import { waitsFor } from './waits-for.ts';

export interface CredentialLine {
  readonly id: string;
  readonly owner: string;
  readonly status: Credential['status'];
  /** Of the key that consumers read; 0 before the first. */
  readonly generation: number;
  /** Since when consumers read it. */
  readonly promotedAt: Instant | null;
  /** Of the rotation under way. */
  readonly phase: Phase | null;
  readonly dueAt: Instant | null;
  readonly pause: Pause | null;
  /** Rotations in a row that were abandoned. */
  readonly failures: number;
  /** What has to happen before it goes on, in words. */
  readonly waitsFor: string | null;
}

export interface CredentialDetail extends CredentialLine {
  readonly issuer: string;
  readonly secret: string;
  /** Since when keyturn.yaml does not declare it any more. */
  readonly removedAt: Instant | null;
  readonly keys: readonly KeyLine[];
  readonly rotation: RotationDetail | null;
  readonly consumers: readonly ConsumerSeen[];
  /** The newest ones, newest first. */
  readonly rotations: readonly RotationLine[];
}

export interface KeyLine {
  readonly generation: number;
  readonly attempt: number;
  readonly keyId: string;
  readonly versionId: string;
  readonly status: KeyStatus;
  readonly mintedAt: Instant;
  readonly expiresAt: Instant | null;
  readonly revokedAt: Instant | null;
  readonly proof: Proof | null;
}

export interface RotationLine {
  readonly rotationId: string;
  readonly kind: RotationKind;
  readonly generation: number;
  readonly phase: Phase;
  readonly requestedBy: string;
  readonly startedAt: Instant;
  readonly endedAt: Instant | null;
  readonly seconds: Seconds | null;
  /** Why it was abandoned or is blocked. */
  readonly reason: string | null;
  /** Whether its owner went back to the old key. */
  readonly rolledBack: boolean;
}

export interface RotationDetail extends RotationLine {
  readonly run: number;
  readonly attempt: number;
  readonly promotedAt: Instant | null;
  readonly deadline: Instant | null;
  readonly extensions: number;
  readonly checks: number;
  /** Of the newest Check drain: may the old key die, and who keeps it alive? */
  readonly verdict: Pick<DrainVerdict, 'outcome' | 'reason' | 'heldBy'> | null;
  /** Generation of the key that is to end; null before the promotion, and where there is none. */
  readonly leaving: number | null;
  /** Put to the owner, and not answered yet. */
  readonly question: Question | null;
  /** The newest answer. */
  readonly decision: Decision | null;
  /** Why the last roll back did not come about. */
  readonly refusal: string | null;
  /** Since when the leaving key is disabled for a trial. */
  readonly disabledAt: Instant | null;
  /** Times that it was missed meanwhile, and by whom the last time. */
  readonly breakages: number;
  readonly brokenBy: readonly string[];
  readonly targets: readonly TargetLine[];
}

export interface TargetLine extends Omit<Deployed, 'at' | 'told'> {
  readonly target: string;
  /** When it was last tried; null before. */
  readonly at: Instant | null;
}

/** How many past rotations the details list. */
const pastRotations = 5;

/** One line for each registered credential, by id. */
export async function everyCredential(stack: Stack): Promise<readonly CredentialLine[]> {
  const credentials = await stack.ledger.credentials();
  return inParallel(credentials, async (credential) =>
    lineOf(stack, credential, await latestRotation(stack, credential)),
  );
}

/** @throws Failure that names the nearest credential when there is none of this id. */
export async function oneCredential(stack: Stack, id: string): Promise<CredentialDetail> {
  const { credential, keys } = await knownCredential(stack, id);
  const [rotations, presence] = await Promise.all([stack.ledger.rotations(id), stack.usage.presence(id)]);
  return detailOf(stack, credential, keys, rotations, presence);
}

/** The one that has something to tell: under way, or in the way. */
async function latestRotation(
  { ledger }: Stack,
  { id, status, activeRotation }: Credential,
): Promise<Rotation | undefined> {
  if (activeRotation) return (await ledger.load(id, activeRotation))?.rotation;
  return status === 'blocked' ? (await ledger.rotations(id))[0] : undefined;
}

function lineOf({ clock }: Stack, credential: Credential, rotation: Rotation | undefined): CredentialLine {
  return {
    id: credential.id,
    owner: credential.declaration.owner.name,
    status: credential.status,
    generation: credential.currentGeneration,
    promotedAt: credential.lastPromotedAt,
    phase: rotation?.phase ?? null,
    dueAt: credential.dueAt,
    pause: credential.pause,
    failures: credential.failures,
    waitsFor: waitsFor(credential, rotation, clock.now()),
  };
}

function detailOf(
  stack: Stack,
  credential: Credential,
  keys: readonly Key[],
  rotations: readonly Rotation[],
  presence: readonly Presence[],
): CredentialDetail {
  const { activeRotation, status, declaration } = credential;
  const latest =
    rotations.find(({ rotationId }) => rotationId === activeRotation) ??
    (status === 'blocked' ? rotations[0] : undefined);
  return {
    ...lineOf(stack, credential, latest),
    issuer: declaration.issuer,
    secret: declaration.secret.name,
    removedAt: credential.removedAt,
    keys: keys.map(keyLine),
    rotation: latest ? rotationDetail(latest, declaration.targets ?? []) : null,
    consumers: consumersSeen(declaration.consumers, presence, keys),
    rotations: rotations.slice(0, pastRotations).map(rotationLine),
  };
}

const keyLine = ({ credentialId, rotationId, issuer, fingerprint, lastProbedAt, ...shown }: Key): KeyLine =>
  shown;

export function rotationLine(rotation: Rotation): RotationLine {
  const { rotationId, kind, generation, phase, requestedBy, startedAt } = rotation;
  const endedAt = 'endedAt' in rotation ? rotation.endedAt : null;
  const reason = 'reason' in rotation ? rotation.reason : null;
  const seconds = endedAt === null ? null : secondsBetween(startedAt, endedAt);
  const rolledBack = graceFacts(rotation)?.leaving === 'new';
  return {
    rotationId,
    kind,
    generation,
    phase,
    requestedBy,
    startedAt,
    endedAt,
    seconds,
    reason,
    rolledBack,
  };
}

function rotationDetail(rotation: Rotation, targets: readonly string[]): RotationDetail {
  const facts = graceFacts(rotation);
  return {
    ...rotationLine(rotation),
    run: rotation.run,
    attempt: rotation.attempt,
    promotedAt: facts?.promotedAt ?? null,
    deadline: facts?.deadline ?? null,
    extensions: facts?.extensions ?? 0,
    checks: facts?.checks ?? 0,
    verdict: facts?.verdict ? verdictOf(facts.verdict) : null,
    ...decisionFacts(rotation, facts),
    targets: facts ? targetLines(facts.deployments, targets) : [],
  };
}

/** What was asked of an owner, what was answered, and how a trial went. */
export function decisionFacts(rotation: Rotation, facts: GraceFacts | undefined) {
  return {
    leaving: (facts && generationsIn(rotation, facts).leaving) || null,
    question: facts?.question ?? null,
    decision: facts?.decision ?? null,
    refusal: facts?.refusal ?? null,
    disabledAt: facts?.disabledAt ?? null,
    breakages: facts?.breakages ?? 0,
    brokenBy: facts?.brokenBy ?? [],
  };
}

const targetLines = (
  deployments: Readonly<Record<string, Deployed>>,
  declared: readonly string[],
): readonly TargetLine[] =>
  [...new Set([...declared, ...Object.keys(deployments)])].map((target) => {
    const { done = false, at = null, failures = 0, reason = null } = deployments[target] ?? {};
    return { target, done, at, failures, reason };
  });

const verdictOf = ({ outcome, reason, heldBy }: DrainVerdict) => ({ outcome, reason, heldBy });
