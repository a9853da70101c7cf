/** Everything that a run leaves where people and tools can read it, searched for every value that was ever secret. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import {
  CloudWatchLogsClient,
  paginateDescribeLogGroups,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import {
  GetSecretValueCommand,
  ListSecretVersionIdsCommand,
  paginateListSecrets,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { paginateGetExecutionHistory, paginateListExecutions, SFNClient } from '@aws-sdk/client-sfn';
import { expect, it } from 'vitest';
import { main } from '../../lib/cli/main.ts';
import { connectStackWith } from '../../lib/cli/stack.ts';
import { type Deployed, stackName } from './deployed.ts';
import { taken } from './listen.ts';

/** Folders that hold secrets because that is what they are for. */
const storesOfSecrets = ['registry/', 'state/'];

/** Shorter than any secret, and longer than what stands anywhere by chance. */
const shortest = 16;

/** What the CLI says, as its users would see it, and how it ends. */
async function keyturn(on: Deployed, command: readonly string[]) {
  const lines: string[] = [];
  const host = {
    out: (line: string) => void lines.push(line),
    err: (line: string) => void lines.push(line),
    colour: false,
  };
  const connect = (name: string) => connectStackWith(name, on.aws);
  const code = await main([...command, '--stack', stackName], host, connect);
  return { code, text: lines.join('\n') };
}

export function leavings(deployment: () => Deployed, told: () => Promise<readonly unknown[]>): void {
  it('is an audit trail that agrees with its copies outside the ledger', async () => {
    const on = deployment();
    const { code, text } = await keyturn(on, ['history', 'happy', '--verify', '--json']);
    expect({ code, text }).toMatchObject({ code: 0 });
    const { verification } = JSON.parse(text.split('\n').at(-1) ?? '');
    expect(verification).toMatchObject({ ok: true, findings: [] });
    // Both rotations began, promoted and completed.
    expect(verification.anchored).toBe(6);
  });

  it('holds ids and no byte of a secret: not in rows, histories, logs, events, queues, output or files', async () => {
    const on = deployment();
    const { secrets, keyIds } = await everySecret(on);
    const places = {
      rows: await rows(on),
      histories: await histories(on),
      'CloudWatch logs': await cloudWatchLogs(on),
      'what the bus and the dead-letter queue said': JSON.stringify(await told()),
      'dead letters': JSON.stringify(await taken(on, on.addresses['dead-letter-queue'])),
      'the usage queue': JSON.stringify(await taken(on, on.addresses['usage-queue'])),
      'output of the CLI': await cliOutput(on),
      'the local cloud’s log': await readFile(on.cloud.logFile, 'utf8'),
      'the deploy’s log': await readFile(on.cloud.logFile.replace(/\.log$/, '-deploy.log'), 'utf8'),
      'the registry’s log': await readFile(on.registry.logFile, 'utf8'),
      ...(await files(on)),
    };
    // The search finds what is there: every place of keyturn's that tells of keys names them.
    for (const place of ['rows', 'histories', 'CloudWatch logs', 'output of the CLI'] as const)
      expect(
        keyIds.some((keyId) => places[place].includes(keyId)),
        place,
      ).toBe(true);
    expect(secrets.size).toBeGreaterThan(20);
    const found = Object.entries(places).flatMap(([place, text]) =>
      [...secrets].filter((secret) => text.includes(secret)).map(() => place),
    );
    expect(found).toEqual([]);
  });
}

/** Values of all versions of all secrets, and what the tests themselves have made; in plain and in base64. */
async function everySecret(on: Deployed) {
  const client = new SecretsManagerClient(on.aws);
  const secrets = new Set(on.secrets);
  const keyIds: string[] = [];
  for await (const { SecretList = [] } of paginateListSecrets({ client }, {})) {
    for (const { Name: SecretId = '' } of SecretList) {
      const { Versions = [] } = await client.send(
        new ListSecretVersionIdsCommand({ SecretId, IncludeDeprecated: true }),
      );
      for (const { VersionId } of Versions) {
        const { SecretString = '' } = await client.send(new GetSecretValueCommand({ SecretId, VersionId }));
        const fields: Readonly<Record<string, unknown>> = JSON.parse(SecretString);
        const { keyId, accessKeyId, generation, keyturn, registry, ...values } = fields;
        for (const id of [keyId, accessKeyId]) if (typeof id === 'string') keyIds.push(id);
        for (const value of Object.values(values)) secrets.add(String(value));
      }
    }
  }
  const plain = [...secrets].filter((secret) => secret.length >= shortest);
  const base64 = plain.map((secret) => Buffer.from(secret).toString('base64').replace(/=+$/, ''));
  return { secrets: new Set([...plain, ...base64]), keyIds };
}

async function rows({ aws, addresses }: Deployed): Promise<string> {
  const pages = paginateScan({ client: new DynamoDBClient(aws) }, { TableName: addresses.table });
  return all(pages, ({ Items }) => Items);
}

async function histories({ aws, addresses }: Deployed): Promise<string> {
  const client = new SFNClient(aws);
  const stateMachineArn = addresses['state-machine'];
  const texts: string[] = [];
  for await (const { executions = [] } of paginateListExecutions({ client }, { stateMachineArn })) {
    for (const { executionArn } of executions) {
      const pages = paginateGetExecutionHistory({ client }, { executionArn, includeExecutionData: true });
      texts.push(await all(pages, ({ events }) => events));
    }
  }
  return texts.join('\n');
}

/** Everything that functions and state machines have logged. */
export async function cloudWatchLogs({ aws }: Deployed): Promise<string> {
  const client = new CloudWatchLogsClient(aws);
  const texts: string[] = [];
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, {})) {
    for (const { logGroupName } of logGroups) {
      texts.push(await all(paginateFilterLogEvents({ client }, { logGroupName }), ({ events }) => events));
    }
  }
  return texts.join('\n');
}

async function all<Page>(pages: AsyncIterable<Page>, part: (page: Page) => unknown): Promise<string> {
  const texts: string[] = [];
  for await (const page of pages) texts.push(JSON.stringify(part(page)));
  return texts.join('\n');
}

/** Every command that reads, for people and as JSON. */
async function cliOutput(on: Deployed): Promise<string> {
  const commands = [
    ['status'],
    ['status', 'happy'],
    ['history', 'happy', '--verify'],
    ['history', 'killed'],
    ['plan', 'happy'],
    ['issuers'],
    ['doctor'],
  ];
  const texts: string[] = [];
  for (const command of commands.flatMap((each) => [each, [...each, '--json']]))
    texts.push((await keyturn(on, command)).text);
  return texts.join('\n');
}

/** Files of the run's private directory: the TMPDIR of every process that took part. */
async function files(on: Deployed): Promise<Readonly<Record<string, string>>> {
  const { directory } = on.cloud;
  const found: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(directory, path);
    if (!entry.isFile() || name.includes('node_modules')) continue;
    if (storesOfSecrets.some((store) => name.startsWith(store))) continue;
    if ((await stat(path)).size < 50_000_000) found[name] = await readFile(path, 'latin1');
  }
  return found;
}
