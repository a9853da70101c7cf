/** What the ledger says of credentials, as plain data: `--json` prints it, the formats make it readable. */
import type { Credential } from '../../rotation/credential.ts';
import type { Key, KeyStatus, Proof } from '../../rotation/key.ts';
import { graceFacts, type Phase, type Rotation } from '../../rotation/rotation.ts';
import type { DrainVerdict } from '../../usage/drain.ts';
import { type Instant, type Seconds, secondsBetween } from '../../usage/instant.ts';
import type { Presence } from '../../usage/presence.ts';
import type { Stack } from '../stack.ts';
import { type ConsumerSeen, consumersSeen } from './consumers-seen.ts';
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
  /** What has to happen before it goes on, in words. */
  readonly waitsFor: string | null;
}

export interface CredentialDetail extends CredentialLine {
  readonly issuer: string;
  readonly secret: string;
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
  readonly generation: number;
  readonly phase: Phase;
  readonly requestedBy: string;
  readonly startedAt: Instant;
  readonly endedAt: Instant | null;
  readonly seconds: Seconds | null;
  /** Why it was abandoned or is blocked. */
  readonly reason: string | null;
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
}

/** How many past rotations the details list. */
const pastRotations = 5;

/** One line for each registered credential, by id. */
export async function everyCredential(stack: Stack): Promise<readonly CredentialLine[]> {
  const credentials = await stack.ledger.credentials();
  return Promise.all(
    credentials.map(async (credential) => lineOf(stack, credential, await latestRotation(stack, credential))),
  );
}

/** @returns undefined when there is no such credential. */
export async function oneCredential(stack: Stack, id: string): Promise<CredentialDetail | undefined> {
  const view = await stack.ledger.load(id);
  if (!view) return undefined;
  const { credential, keys } = view;
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
    keys: keys.map(keyLine),
    rotation: latest ? rotationDetail(latest) : null,
    consumers: consumersSeen(declaration.consumers, presence, keys),
    rotations: rotations.slice(0, pastRotations).map(rotationLine),
  };
}

const keyLine = ({ credentialId, rotationId, issuer, fingerprint, lastProbedAt, ...shown }: Key): KeyLine =>
  shown;

export function rotationLine(rotation: Rotation): RotationLine {
  const { rotationId, generation, phase, requestedBy, startedAt } = rotation;
  const endedAt = 'endedAt' in rotation ? rotation.endedAt : null;
  const reason = 'reason' in rotation ? rotation.reason : null;
  const seconds = endedAt === null ? null : secondsBetween(startedAt, endedAt);
  return { rotationId, generation, phase, requestedBy, startedAt, endedAt, seconds, reason };
}

function rotationDetail(rotation: Rotation): RotationDetail {
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
  };
}

const verdictOf = ({ outcome, reason, heldBy }: DrainVerdict) => ({ outcome, reason, heldBy });
