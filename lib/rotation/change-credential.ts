/** One audited change of a credential alone, outside any rotation. */
import { chain } from './audit.ts';
import type { Credential } from './credential.ts';
import { LedgerChanged } from './errors.ts';
import type { Ports } from './ports.ts';

type ChangePorts = Pick<Ports, 'ledger' | 'clock' | 'digests'>;

/** What is to change, and the word for it in the audit trail. */
export interface CredentialChange {
  readonly actor: string;
  readonly what: string;
  readonly fields: Partial<Credential>;
}

/** Tries before somebody else's changes are given way to. */
const mostTries = 10;

/**
 * Writes `fields` with an audit record of what was there before.
 * @param credential as it was read, or is to be made.
 * @throws LedgerChanged when it is no longer so.
 */
export async function changeCredential(
  { ledger, clock, digests }: ChangePorts,
  credential: Credential,
  { actor, what, fields }: CredentialChange,
): Promise<void> {
  const { auditSeq, epoch, auditHash } = credential;
  const names = Object.keys(fields);
  const isNew = auditSeq === 0;
  const audit = chain(digests, auditHash, {
    credentialId: credential.id,
    seq: auditSeq + 1,
    at: clock.now(),
    actor,
    what,
    rotationId: null,
    before: isNew ? {} : picked(credential, names),
    after: picked(fields, names),
  });
  await ledger.commit({
    expected: { auditSeq, epoch },
    credential: { ...credential, ...fields, auditSeq: audit.seq, auditHash: audit.hash },
    audit,
  });
}

/** A rotation that runs meanwhile changes the same row: `work` reads again and tries again, a few times. */
export async function unlessChanged<T>(
  { clock }: Pick<Ports, 'clock'>,
  work: (isAgain: boolean) => Promise<T>,
  tries = mostTries,
): Promise<T> {
  try {
    return await work(tries < mostTries);
  } catch (error) {
    if (!(error instanceof LedgerChanged) || tries <= 1) throw error;
    await clock.sleep(0.1);
    return unlessChanged({ clock }, work, tries - 1);
  }
}

const picked = (from: object, names: readonly string[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
