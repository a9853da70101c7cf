/** `keyturn status [credential]`: where everything stands, or everything about one credential. */
import { didYouMean } from '../../config/mistakes.ts';
import { Failure } from '../failure.ts';
import { paintIf } from '../format/colour.ts';
import { credentialDetail } from '../format/credential-detail.ts';
import { credentialList } from '../format/credential-list.ts';
import type { Host } from '../host.ts';
import type { Stack } from '../stack.ts';
import { everyCredential, oneCredential } from './standing.ts';

export interface StatusOptions {
  readonly json: boolean;
}

export async function statusOfAll(host: Host, stack: Stack, { json }: StatusOptions): Promise<void> {
  const credentials = await everyCredential(stack);
  if (json) host.out(JSON.stringify({ stack: stack.name, credentials }));
  else if (credentials.length === 0)
    host.out(`stack "${stack.name}" has no credentials: add some to keyturn.yaml`);
  else
    for (const line of credentialList(credentials, stack.clock.now(), paintIf(host.colour))) host.out(line);
}

/** @throws Failure that names the nearest credential when there is none of this id. */
export async function statusOfOne(
  host: Host,
  stack: Stack,
  id: string,
  { json }: StatusOptions,
): Promise<void> {
  const detail = await oneCredential(stack, id);
  if (!detail) throw await unknownCredential(stack, id);
  if (json) host.out(JSON.stringify({ stack: stack.name, ...detail }));
  else for (const line of credentialDetail(detail, stack.clock.now(), paintIf(host.colour))) host.out(line);
}

export async function unknownCredential(stack: Stack, id: string): Promise<Failure> {
  const known = (await stack.ledger.credentials()).map((credential) => credential.id);
  const nearest = didYouMean(id, known) || ', see them with "keyturn status"';
  return new Failure(`stack "${stack.name}" has no credential "${id}"${nearest}`);
}
