/** Finds keys that the issuer made for a rotation and whose id or value we have lost. */
import { plus } from '../usage/instant.ts';
import { OrphanFound } from './errors.ts';
import { labelOf, versionIdOf } from './ids.ts';
import type { Key } from './key.ts';
import type { Issuer, ListedKey, Ports } from './ports.ts';
import type { Rotation } from './rotation.ts';
import type { Turn } from './turn.ts';

type LostKeyPorts = Pick<Ports, 'ledger' | 'clock' | 'digests' | 'issuerLocks' | 'invocation'>;

/** What a list at the issuer shows beyond what the ledger knows. */
export interface LostKeys {
  /** Certainly made for this rotation. */
  readonly ours?: ListedKey;
  /** Appeared since the intent, and nobody can say whose they are. */
  readonly unknown: readonly ListedKey[];
}

/** An issuer's clock may be off by this much from ours when its `createdAt` is compared with our times. */
const clockSkewSeconds = 60;

/** Lists the issuer's keys and looks for one of this rotation that no key row has. */
export async function findLostKeys(ports: LostKeyPorts, turn: Turn, issuer: Issuer): Promise<LostKeys> {
  const { intent } = turn.rotation;
  if (!issuer.capabilities.list || !intent) return { unknown: [] };
  const unclaimed = await aloneUnlessNamed(ports, turn, issuer, () =>
    listUnclaimed(ports, turn, issuer, intent.listed),
  );
  const ours = unclaimed.find((listed) => isOurs(turn.rotation, issuer, listed));
  return {
    ...(ours && { ours }),
    unknown: issuer.capabilities.named ? [] : unclaimed.filter((key) => key !== ours),
  };
}

async function listUnclaimed(
  { ledger }: LostKeyPorts,
  { credential }: Turn,
  issuer: Issuer,
  known: readonly string[],
): Promise<readonly ListedKey[]> {
  const unclaimed: ListedKey[] = [];
  for (const listed of await issuer.list()) {
    if (known.includes(listed.keyId)) continue;
    if (!(await ledger.claim(credential.declaration.issuer, listed.keyId))) unclaimed.push(listed);
  }
  return unclaimed;
}

/**
 * Without labels a new key is told from others by what was listed before and what is claimed: nobody may look while
 * somebody creates.
 * @throws StepBusy while another invocation does either.
 */
export async function aloneUnlessNamed<T>(
  { issuerLocks, invocation, clock }: LostKeyPorts,
  { credential }: Turn,
  { capabilities }: Issuer,
  work: () => Promise<T>,
): Promise<T> {
  if (capabilities.named) return work();
  const { issuer } = credential.declaration;
  const { requestId, deadline } = invocation;
  await issuerLocks.take(issuer, { requestId, until: deadline }, clock.now());
  try {
    return await work();
  } finally {
    await issuerLocks.drop(issuer, requestId);
  }
}

/** By its label where keys have one; else by being new under a principal that is keyturn's alone. */
function isOurs(rotation: Rotation, { capabilities }: Issuer, { label, createdAt }: ListedKey): boolean {
  if (capabilities.named) {
    const attempts = Array.from({ length: rotation.attempt }, (_, index) => index + 1);
    return attempts.some((attempt) => label === labelOf(rotation.rotationId, attempt));
  }
  if (!capabilities.exclusive) return false;
  return !createdAt || createdAt >= plus(rotation.startedAt, -clockSkewSeconds);
}

/** Gives a found key its row and condemns it. */
export async function condemnOrphan(ports: LostKeyPorts, turn: Turn, { keyId }: ListedKey): Promise<void> {
  const { rotation, credential } = turn;
  const attempt = freeAttempt(turn);
  const orphan: Key = {
    credentialId: credential.id,
    generation: rotation.generation,
    attempt,
    rotationId: rotation.rotationId,
    issuer: credential.declaration.issuer,
    keyId,
    versionId: versionIdOf(ports.digests, rotation.rotationId, attempt),
    fingerprint: null,
    status: 'orphaned',
    mintedAt: ports.clock.now(),
    expiresAt: null,
    lastProbedAt: null,
    revokedAt: null,
    proof: null,
  };
  await condemn(turn, orphan);
}

/** Condemns a key of the new generation: it is the next that Revoke key ends. */
export async function condemn(turn: Turn, key: Key): Promise<void> {
  const { generation, attempt, keyId } = key;
  await turn.record({ name: 'condemned', key: { generation, attempt, keyId } }, { keys: [key] });
}

/** What sends the workflow to Revoke key after a condemnation. */
export const orphanFound = ({ credentialId, condemned }: Rotation): OrphanFound =>
  new OrphanFound(
    `key ${condemned?.keyId} of ${credentialId} has no value that anybody holds: it goes to Revoke key`,
  );

/** The first attempt of this generation that has no key row yet. */
function freeAttempt({ keys, rotation }: Turn): number {
  const taken = keys.filter((key) => key.generation === rotation.generation).map((key) => key.attempt);
  let attempt = 1;
  while (taken.includes(attempt)) attempt += 1;
  return attempt;
}
