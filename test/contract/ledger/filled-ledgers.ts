/** Ledgers with something in them, for the contract. */
import type { Credential } from '../../../lib/rotation/credential.ts';
import type { Commit, Ledger } from '../../../lib/rotation/ports.ts';
import type { Rotation } from '../../../lib/rotation/rotation.ts';
import { aCredential, aKey } from '../../support/builders.ts';
import { changeOf, registrationOf } from '../../support/commits.ts';

/** An empty ledger, for each test a new one. */
export type Make = () => Promise<Ledger>;

export function aKeyOf(generation: number, attempt: number) {
  return aKey({ generation, attempt, keyId: `key_${generation}_${attempt}` });
}

/** A ledger with this credential, and these keys in a second commit. */
export async function holding(make: Make, credential: Credential, keys?: Commit['keys']): Promise<Ledger> {
  const ledger = await make();
  await ledger.commit(registrationOf(credential));
  if (keys) await ledger.commit(changeOf(credential, { keys }));
  return ledger;
}

/** A ledger with this rotation, and its credential as it was read afterwards. */
export async function rotating(make: Make, rotation: Rotation, fields: Partial<Credential> = {}) {
  const ledger = await holding(make, aCredential(fields));
  const { credential } = await committed(ledger, changeOf(aCredential(fields), { rotation }));
  return { ledger, credential };
}

async function committed(ledger: Ledger, commit: Commit): Promise<Commit> {
  await ledger.commit(commit);
  return commit;
}

export const changed = async (ledger: Ledger, credential: Credential): Promise<Credential> =>
  (await committed(ledger, changeOf(credential))).credential;
