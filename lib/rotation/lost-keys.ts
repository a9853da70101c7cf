/** Finds keys that the issuer made for a rotation and whose id or value we have lost. */
import { type Instant, plus, type Seconds, secondsBetween } from '../usage/instant.ts';
import type { Credential } from './credential.ts';
import { currentVersion } from './current-version.ts';
import { OrphanFound, SecretChangedOutside, StepBusy } from './errors.ts';
import { labelOf, versionIdOf } from './ids.ts';
import type { Key } from './key.ts';
import type { Issuer, ListedKey, Ports } from './ports.ts';
import { margin } from './probing.ts';
import type { Alongside } from './record-change.ts';
import type { Rotation } from './rotation.ts';
import type { Turn } from './turn.ts';
import { keyOfAttempt } from './turn-state.ts';

type LostKeyPorts = Pick<Ports, 'ledger' | 'clock' | 'digests' | 'issuerLocks' | 'invocation'>;

/** What a list at the issuer shows beyond what the ledger knows. */
export interface LostKeys {
  /** Certainly made for this rotation. */
  readonly ours?: ListedKey;
  /** Appeared since the intent, and nobody can say whose they are. */
  readonly unknown: readonly ListedKey[];
}

/** Values that are made for one generation before the rotation is given up. */
export const maxAttempts = 5;

/** An issuer's call may take half of the step's time at most: see the timeouts in `workflow/steps.ts`. */
const longestCall: Seconds = 15;

/** An issuer's clock may be off by this much from ours when its `createdAt` is compared with our times. */
const clockSkewSeconds = 60;

/**
 * Lists the issuer's keys and looks for one of this rotation that no key row has.
 * @throws StepBusy while a key may still show up, or while somebody creates.
 */
export async function findLostKeys(ports: LostKeyPorts, turn: Turn, issuer: Issuer): Promise<LostKeys> {
  const { intent } = turn.rotation;
  if (!issuer.capabilities.list || !intent) return { unknown: [] };
  if (hasOpenIntent(turn)) await waitOutLag(ports, turn, issuer);
  const unclaimed = await aloneUnlessNamed(ports, turn, issuer, () =>
    listUnclaimed(ports, turn, issuer, intent.listed),
  );
  const ours = unclaimed.find((listed) => isOurs(turn.rotation, issuer, listed));
  return {
    ...(ours && { ours }),
    unknown: issuer.capabilities.named ? [] : unclaimed.filter((key) => key !== ours),
  };
}

/** Whether the newest attempt was asked for, and nobody wrote down what came of it. */
export const hasOpenIntent = ({ keys, rotation: { intent, generation } }: Turn): boolean =>
  intent !== null && !keys.some((key) => key.generation === generation && key.attempt === intent.attempt);

/**
 * A request that was under way when its step died may still land, and its key shows only after the issuer's lag.
 * @throws StepBusy when that is longer than this invocation lives: the workflow comes again.
 */
async function waitOutLag({ clock, invocation }: LostKeyPorts, turn: Turn, issuer: Issuer): Promise<void> {
  const now = clock.now();
  const shows = plus(turn.rotation.intent?.at ?? now, longestCall + issuer.capabilities.createLag);
  if (shows <= now) return;
  if (plus(shows, margin) > invocation.deadline) {
    throw new StepBusy(
      `the issuer of ${turn.credential.id} may show a lost key until ${shows}: looked for then`,
    );
  }
  await clock.sleep(secondsBetween(now, shows));
}

async function listUnclaimed(
  { ledger }: LostKeyPorts,
  { credential, keys, rotation }: Turn,
  issuer: Issuer,
  before: readonly string[],
): Promise<readonly ListedKey[]> {
  // Our own rows first: whatever becomes of claims, a key that the ledger knows is never taken for an orphan.
  const known = new Set([...before, ...keys.map(({ keyId }) => keyId)]);
  const unclaimed: ListedKey[] = [];
  for (const listed of await issuer.list()) {
    // Where keys carry labels, others' need no look at the ledger: a principal may have thousands.
    if (known.has(listed.keyId) || (issuer.capabilities.named && !isOurs(rotation, issuer, listed))) continue;
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

const attemptsUpTo = (last: number): readonly number[] =>
  Array.from({ length: last }, (_, index) => index + 1);

/** By its label where keys have one; else by being new under a principal that is keyturn's alone. */
function isOurs(rotation: Rotation, { capabilities }: Issuer, { label, createdAt }: ListedKey): boolean {
  if (capabilities.named) {
    return attemptsUpTo(rotation.attempt).some((attempt) => label === labelOf(rotation.rotationId, attempt));
  }
  if (!capabilities.exclusive) return false;
  return !createdAt || createdAt >= plus(rotation.startedAt, -clockSkewSeconds);
}

/**
 * Nobody can prove whose these keys are, so nothing is revoked and a person must look.
 * @returns the reason that the rotation ended with.
 */
export async function block(
  { clock, metrics }: Pick<Ports, 'clock' | 'metrics'>,
  turn: Turn,
  unknown: readonly ListedKey[],
): Promise<string> {
  const keyIds = unknown.map(({ keyId }) => keyId);
  const { issuer } = turn.credential.declaration;
  const reason = `issuer ${issuer} lists ${keyIds.join(', ')}, which keyturn cannot prove to be its own: remove it there, or set "exclusive: true" if nobody else makes keys under this principal; then ask for a rotation again`;
  const now = clock.now();
  await turn.record({ name: 'blocked', at: now, reason }, blocking(turn.credential, { keyIds, reason, now }));
  metrics.count('CredentialBlocked', { credential: turn.credential.id });
  return reason;
}

/** What goes with the end of a rotation that a person must look at. */
export function blocking(
  { declaration: { issuer, owner }, removedAt }: Credential,
  {
    keyIds,
    reason,
    now,
  }: { readonly keyIds: readonly string[]; readonly reason: string; readonly now: Instant },
): Alongside {
  // One that is no longer declared needs no new key: what it has is to end all the same.
  const after = removedAt ? ({ status: 'retiring', dueAt: now } as const) : ({ status: 'blocked' } as const);
  return {
    credential: { activeRotation: null, ...after },
    announce: { type: 'Unknown Key Found', detail: { issuer, keyIds, reason, owner } },
  };
}

/**
 * Gives a found key its row and condemns it.
 * @throws SecretChangedOutside when consumers read a key of this rotation that the ledger knows nothing of: then the
 * ledger is older than the secret, as after a restore, and what looks lost may be what everybody uses.
 */
export async function condemnOrphan(
  ports: LostKeyPorts & Pick<Ports, 'secrets'>,
  turn: Turn,
  { keyId }: ListedKey,
): Promise<void> {
  await checkLedgerIsAhead(ports, turn, keyId);
  const lost = { keyId, fingerprint: null, expiresAt: null, status: 'orphaned' } as const;
  await condemn(turn, keyOfAttempt(ports, turn, freeAttempt(turn), lost));
}

async function checkLedgerIsAhead(
  ports: Pick<Ports, 'secrets' | 'digests'>,
  { credential, keys, rotation }: Turn,
  keyId: string,
): Promise<void> {
  const { name } = credential.declaration.secret;
  const current = await currentVersion(ports, name);
  const isKnown = keys.some(({ versionId }) => versionId === current);
  const ours = attemptsUpTo(maxAttempts).map((attempt) =>
    versionIdOf(ports.digests, rotation.rotationId, attempt),
  );
  if (isKnown || !current || !ours.includes(current)) return;
  throw new SecretChangedOutside(
    `secret ${name} is on a key of rotation ${rotation.rotationId} that the ledger does not know, so key ${keyId} may be the one in use: the ledger is older than the secret, see the guide on restoring from a backup`,
  );
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
