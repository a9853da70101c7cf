/** Which error a refused commit becomes: one order of checks for the DynamoDB ledger and for its in-memory twin. */
import type { Credential } from '../rotation/credential.ts';
import { Fenced, LedgerChanged, Superseded } from '../rotation/errors.ts';
import type { Key } from '../rotation/key.ts';
import type { Commit, KeyClaim } from '../rotation/ports.ts';
import type { Rotation } from '../rotation/rotation.ts';

/** What stood in the way, as it was found; null is a row that should be there and is not. */
export interface Obstacles {
  readonly credential?: Pick<Credential, 'auditSeq' | 'epoch'> | null;
  readonly rotation?: Pick<Rotation, 'run' | 'lease'> | null;
  readonly claim?: { readonly key: Key; readonly owner: KeyClaim };
  /** Another transaction was writing one of these rows at the same time, or the audit record exists already. */
  readonly other?: string;
}

/**
 * The error that says what the caller must do: an epoch outranks a run, a run outranks everything else, because
 * whoever has lost the credential has no reason to read again.
 */
export function commitRefusal(
  commit: Commit,
  found: Obstacles,
  options?: ErrorOptions,
): Fenced | Superseded | LedgerChanged {
  const name = commit.credential.id;
  const { expected } = commit;
  if (found.credential && expected.auditSeq > 0 && found.credential.epoch !== expected.epoch)
    return new Fenced(
      `credential ${name} has epoch ${found.credential.epoch}, expected ${expected.epoch}: an incident or another owner has taken it over, end this run`,
      options,
    );
  if (found.rotation !== undefined && found.rotation?.run !== expected.run)
    return new Superseded(runText(commit, found.rotation), options);
  return new LedgerChanged(changeText(commit, found), options);
}

function runText({ credential, rotation, expected }: Commit, found: Obstacles['rotation']): string {
  const row = `rotation ${rotation?.rotationId} of credential ${credential.id}`;
  if (!found) return `${row} does not exist, expected run ${expected.run}: end this run`;
  if (expected.run === undefined)
    return `${row} exists already with run ${found.run}, expected none: end this run`;
  return `${row} has run ${found.run}, expected ${expected.run}: another execution has taken over, end this run`;
}

function changeText({ credential, rotation, expected, audit }: Commit, found: Obstacles): string {
  if (found.credential)
    return `credential ${credential.id} has audit sequence ${found.credential.auditSeq}, expected ${expected.auditSeq || 'no such credential'}: read it again`;
  if (found.credential === null)
    return `credential ${credential.id} does not exist, expected audit sequence ${expected.auditSeq}: register it first`;
  if (found.rotation)
    return `rotation ${rotation?.rotationId} of credential ${credential.id} is leased to ${found.rotation.lease?.requestId ?? 'nobody'}, expected ${rotation?.lease?.requestId}: read it again`;
  if (found.claim) return claimText(found.claim);
  return `credential ${credential.id}: ${found.other ?? 'a row'} stood in the way of audit record ${audit.seq}: read it again`;
}

function claimText({ key, owner }: { readonly key: Key; readonly owner: KeyClaim }): string {
  const place = (at: KeyClaim): string =>
    `credential ${at.credentialId}, generation ${at.generation}, attempt ${at.attempt}`;
  return `key ${key.keyId} of issuer ${key.issuer} belongs to ${place(owner)}, expected ${place(key)}: find out who made it`;
}
