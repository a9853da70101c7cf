/** Finds the credential that somebody has named, or says which one may have been meant. */
import { didYouMean } from '../../config/mistakes.ts';
import type { LedgerView } from '../../rotation/ports.ts';
import { Failure } from '../failure.ts';
import type { Stack } from '../stack.ts';

type Known = Pick<Stack, 'name' | 'ledger'>;

/** @throws Failure that names the nearest credential when there is none of this id. */
export async function knownCredential(stack: Known, id: string): Promise<LedgerView> {
  const view = await stack.ledger.load(id);
  if (view) return view;
  throw noCredential(
    `stack "${stack.name}"`,
    id,
    (await stack.ledger.credentials()).map((each) => each.id),
  );
}

/** @param where what was searched: a stack or a file. */
export function noCredential(where: string, id: string, known: readonly string[]): Failure {
  const nearest = didYouMean(id, known) || ', see them with "keyturn status"';
  return new Failure(`${where} has no credential "${id}"${nearest}`);
}
