/** `keyturn status [credential]`: where everything stands, or everything about one credential. */
import type { Command } from 'commander';
import { paintIf } from '../format/colour.ts';
import { credentialDetail } from '../format/credential-detail.ts';
import { credentialList } from '../format/credential-list.ts';
import type { Host } from '../host.ts';
import {
  examples,
  jsonOption,
  maybeCredential,
  type StackOptions,
  type Surroundings,
  stackOption,
} from '../options.ts';
import type { Stack } from '../stack.ts';
import { everyCredential, oneCredential } from './standing.ts';

export function addStatus(keyturn: Command, { host, connect }: Surroundings): void {
  keyturn
    .command('status')
    .description('Where all credentials stand, or everything about one.')
    .addArgument(maybeCredential())
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['keyturn status', 'one line for each credential, and what it waits for'],
        ['keyturn status npm-token', 'keys, rotation, targets and consumers of one'],
        ['keyturn status --stack prod --json', 'the same for programs'],
      ),
    )
    .action(async (credential: string | undefined, { stack: name, json = false }: StackOptions) => {
      const stack = await connect(name);
      if (credential === undefined) await statusOfAll(host, stack, json);
      else await statusOfOne(host, stack, credential, json);
    });
}

async function statusOfAll(host: Host, stack: Stack, json: boolean): Promise<void> {
  const credentials = await everyCredential(stack);
  if (json) host.out(JSON.stringify({ stack: stack.name, credentials }));
  else if (credentials.length === 0)
    host.out(`stack "${stack.name}" has no credentials: add some to keyturn.yaml`);
  else
    for (const line of credentialList(credentials, stack.clock.now(), paintIf(host.colour))) host.out(line);
}

/** @throws Failure that names the nearest credential when there is none of this id. */
async function statusOfOne(host: Host, stack: Stack, id: string, json: boolean): Promise<void> {
  const detail = await oneCredential(stack, id);
  if (json) host.out(JSON.stringify({ stack: stack.name, ...detail }));
  else for (const line of credentialDetail(detail, stack.clock.now(), paintIf(host.colour))) host.out(line);
}
