/** Does the same to many credentials, one after the other: one that fails holds up no other. */
import type { Credential } from '../../rotation/credential.ts';
import { Failure, failureOf } from '../failure.ts';
import type { Host } from '../host.ts';

export interface Failed {
  readonly credential: string;
  readonly outcome: 'failed';
  readonly reason: string;
}

/** Tells its progress on stderr when there is more than one. */
export async function forEach<Result>(
  host: Host,
  credentials: readonly Credential[],
  work: (credential: Credential) => Promise<Result>,
): Promise<readonly (Result | Failed)[]> {
  const results: (Result | Failed)[] = [];
  for (const [at, credential] of credentials.entries()) {
    if (credentials.length > 1) host.err(`${at + 1}/${credentials.length} ${credential.id}`);
    results.push(await work(credential).catch((error: unknown) => failed(credential, error)));
  }
  return results;
}

const failed = ({ id }: Credential, error: unknown): Failed => ({
  credential: id,
  outcome: 'failed',
  reason: failureOf(error).message,
});

/** @throws Failure that names those that have failed, if any. */
export function concludeAll(
  results: readonly { readonly outcome: string; readonly credential: string }[],
): void {
  const failures = results.filter(({ outcome }) => outcome === 'failed');
  if (failures.length === 0) return;
  const names = failures.map(({ credential }) => credential).join(', ');
  throw new Failure(`${failures.length} of ${results.length} failed: ${names}`);
}
