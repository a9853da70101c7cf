/** Which credentials a command is for: one by its id, all of an owner, or all there are. */
import { didYouMean } from '../../config/mistakes.ts';
import type { Credential } from '../../rotation/credential.ts';
import { Failure } from '../failure.ts';
import type { Stack } from '../stack.ts';
import { knownCredential } from './known-credential.ts';

export interface Choice {
  readonly credential?: string | undefined;
  readonly owner?: string | undefined;
  readonly all?: boolean | undefined;
}

/** @throws Failure with exit code 2 unless one of the three is given. */
export function checkChoice({ credential, owner, all = false }: Choice): void {
  if ([credential !== undefined, owner !== undefined, all].filter(Boolean).length === 1) return;
  throw new Failure('name one credential, or an owner with --owner, or take all with --all', 2);
}

/**
 * Retired ones are left out: nothing becomes of them.
 * @throws Failure when nothing is found.
 */
export async function chosenCredentials(stack: Stack, choice: Choice): Promise<readonly Credential[]> {
  const { credential, owner } = choice;
  if (credential !== undefined) return [(await knownCredential(stack, credential)).credential];
  const credentials = (await stack.ledger.credentials()).filter(({ status }) => status !== 'retired');
  if (owner === undefined) return credentials;
  const owned = credentials.filter(({ declaration }) => declaration.owner.name === owner);
  if (owned.length > 0) return owned;
  const owners = credentials.map(({ declaration }) => declaration.owner.name);
  throw new Failure(
    `stack "${stack.name}" has no credential of owner "${owner}"${didYouMean(owner, owners) || ', see owners with "keyturn status"'}`,
  );
}
