/** Commits for tests that need something in the ledger, or want to see a change refused. */
import type { Credential } from '../../lib/rotation/credential.ts';
import type { Key } from '../../lib/rotation/key.ts';
import type { Commit } from '../../lib/rotation/ports.ts';
import type { Rotation } from '../../lib/rotation/rotation.ts';
import { anAuditRecord } from './builders.ts';

/** The first commit of a credential. */
export function registrationOf(credential: Credential): Commit {
  const { id, auditSeq } = credential;
  return {
    expected: { auditSeq: 0, epoch: 0 },
    credential,
    audit: anAuditRecord({ credentialId: id, seq: auditSeq }),
  };
}

/**
 * The next commit of a credential as it was read.
 * @param change fields of the credential that change, the rotation and the keys as they are to be, and the run of
 * a rotation that exists already.
 */
export function changeOf(
  read: Credential,
  change: {
    readonly credential?: Partial<Credential>;
    readonly rotation?: Rotation;
    readonly run?: number;
    readonly keys?: readonly Key[];
  } = {},
): Commit {
  const { credential, run, ...rows } = change;
  const seq = read.auditSeq + 1;
  return {
    expected: { auditSeq: read.auditSeq, epoch: read.epoch, ...(run !== undefined && { run }) },
    credential: { ...read, ...credential, auditSeq: seq },
    ...rows,
    audit: anAuditRecord({ credentialId: read.id, seq, what: 'changed' }),
  };
}
