/** `keyturn issuers`: the issuer blocks that credentials use, and what each can do. */
import type { Command } from 'commander';
import { issuerCapabilities } from '../../issuers/index.ts';
import type { Capabilities } from '../../rotation/ports.ts';
import { failureOf } from '../failure.ts';
import { issuerTable } from '../format/issuer-table.ts';
import { examples, jsonOption, type StackOptions, type Surroundings, stackOption } from '../options.ts';
import type { Stack } from '../stack.ts';

export interface IssuerLine {
  readonly issuer: string;
  /** The block's `type`; null when the block is not registered. */
  readonly type: string | null;
  /** Credentials that use it, retired ones apart. */
  readonly credentials: number;
  /** Null when this version of keyturn cannot tell. */
  readonly capabilities: Capabilities | null;
  /** Why it cannot. */
  readonly reason: string | null;
}

export function addIssuers(keyturn: Command, { host, connect }: Surroundings): void {
  keyturn
    .command('issuers')
    .description('The issuers that credentials use, and what each can do.')
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['keyturn issuers', 'type, capabilities and number of credentials of each'],
        ['keyturn issuers --json', 'the same for programs, lags in seconds'],
      ),
    )
    .action(async ({ stack: name, json = false }: StackOptions) => {
      const stack = await connect(name);
      const issuers = await issuersInUse(stack);
      if (json) host.out(JSON.stringify({ stack: name, issuers }));
      else if (issuers.length === 0) host.out(`stack "${name}" has no credentials: add some to keyturn.yaml`);
      else for (const line of issuerTable(issuers)) host.out(line);
    });
}

async function issuersInUse(stack: Stack): Promise<readonly IssuerLine[]> {
  const credentials = (await stack.ledger.credentials()).filter(({ status }) => status !== 'retired');
  const users = Map.groupBy(credentials, ({ declaration }) => declaration.issuer);
  const lines = [...users].map(([issuer, { length }]) => lineOf(stack, issuer, length));
  return (await Promise.all(lines)).sort((a, b) => (a.issuer < b.issuer ? -1 : 1));
}

async function lineOf(stack: Stack, issuer: string, credentials: number): Promise<IssuerLine> {
  const block = await stack.issuerBlocks.get(issuer);
  if (block === undefined)
    return {
      issuer,
      type: null,
      credentials,
      capabilities: null,
      reason: 'it is not registered: deploy again',
    };
  const type = typeOf(block);
  try {
    return { issuer, type, credentials, capabilities: issuerCapabilities(block), reason: null };
  } catch (error) {
    return { issuer, type, credentials, capabilities: null, reason: failureOf(error).message };
  }
}

const typeOf = (block: unknown): string | null =>
  typeof block === 'object' && block !== null && 'type' in block && typeof block.type === 'string'
    ? block.type
    : null;
