/** Everything that a run leaves where people and tools can read it, searched for every value that was ever secret. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import {
  CloudWatchLogsClient,
  paginateDescribeLogGroups,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import {
  GetObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  type ListObjectVersionsCommandOutput,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  GetSecretValueCommand,
  ListSecretVersionIdsCommand,
  paginateListSecrets,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { paginateGetExecutionHistory, paginateListExecutions, SFNClient } from '@aws-sdk/client-sfn';
import { type Parameter, paginateGetParametersByPath, SSMClient } from '@aws-sdk/client-ssm';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { main } from '../../lib/cli/main.ts';
import { connectStackWith } from '../../lib/cli/stack.ts';
import { spellings } from '../support/spellings.ts';
import { type Deployed, stackName } from './deployed.ts';
import { taken } from './listen.ts';

/**
 * The registry's own storage, which has its tokens and the hashes of passwords because that is what it is for.
 * The local cloud keeps its secrets in memory: it writes them to `state/` only with PERSIST_STATE, which it is not given.
 */
const storesOfSecrets = ['registry/'];

/** Bytes; nothing that a run leaves should come near. */
const largest = 50_000_000;

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
      parameters: await parameters(on),
      'configurations of functions': await configurations(on),
      'audit objects': await auditObjects(on),
      'dead letters': JSON.stringify(await taken(on, on.addresses['dead-letter-queue'])),
      'the usage queue': JSON.stringify(await taken(on, on.addresses['usage-queue'])),
      'output of the CLI': await cliOutput(on),
      'the local cloud’s log': await readFile(on.cloud.logFile, 'utf8'),
      'the deploy’s log': await readFile(on.cloud.logFile.replace(/\.log$/, '-deploy.log'), 'utf8'),
      'the registry’s log': await readFile(on.registry.logFile, 'utf8'),
      ...(await files(on)),
    };
    // The search finds what is there: every place of keyturn's that tells of keys names them.
    for (const place of [
      'rows',
      'histories',
      'CloudWatch logs',
      'audit objects',
      'output of the CLI',
    ] as const)
      expect(
        keyIds.some((keyId) => places[place].includes(keyId)),
        place,
      ).toBe(true);
    expect(secrets.length).toBeGreaterThan(10);
    const spelled = [...new Set(secrets.flatMap(spellings))];
    const found = Object.entries(places).flatMap(([place, text]) =>
      spelled.filter((secret) => text.includes(secret)).map(() => place),
    );
    expect(found).toEqual([]);
  });
}

/** Values of all versions of all secrets, and what the tests themselves have made. */
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
  return { secrets: [...secrets].filter((secret) => secret.length >= shortest), keyIds };
}

/** All but those that are declared to hold a copy of a key. */
async function parameters({ aws, cloud }: Deployed): Promise<string> {
  const file = parse(await readFile(join(cloud.directory, 'keyturn.yaml'), 'utf8'));
  const { targets } = z
    .object({ targets: z.record(z.string(), z.looseObject({ type: z.string() })) })
    .parse(file);
  const copies = Object.values(targets).flatMap(({ type, name }) => (type === 'ssm-parameter' ? [name] : []));
  const client = new SSMClient(aws);
  const found: Parameter[] = [];
  const everywhere = { Path: '/', Recursive: true, WithDecryption: true };
  for await (const { Parameters = [] } of paginateGetParametersByPath({ client }, everywhere))
    found.push(...Parameters);
  // The search sees what it must leave out, and what keyturn itself has written.
  const names = found.map(({ Name }) => Name);
  expect(names).toEqual(expect.arrayContaining([...copies, `/keyturn/${stackName}/table`]));
  return JSON.stringify(found.filter(({ Name }) => !copies.includes(Name)));
}

/** With their environments. */
async function configurations({ aws }: Deployed): Promise<string> {
  const text = await all(
    paginateListFunctions({ client: new LambdaClient(aws) }, {}),
    ({ Functions }) => Functions,
  );
  expect(text).toContain('KEYTURN_TABLE');
  return text;
}

/** Every version of every object of the audit bucket. */
async function auditObjects({ aws, addresses }: Deployed): Promise<string> {
  const client = new S3Client({ ...aws, forcePathStyle: true });
  const Bucket = addresses['audit-bucket'];
  const texts: string[] = [];
  let more: Pick<ListObjectVersionsCommandInput, 'KeyMarker' | 'VersionIdMarker'> | undefined = {};
  while (more) {
    const page: ListObjectVersionsCommandOutput = await client.send(
      new ListObjectVersionsCommand({ Bucket, ...more }),
    );
    for (const { Key, VersionId } of page.Versions ?? []) {
      const { Body, Metadata } = await client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
      texts.push(Key ?? '', JSON.stringify(Metadata), (await Body?.transformToString()) ?? '');
    }
    more = page.IsTruncated
      ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
      : undefined;
  }
  return texts.join('\n');
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
    expect((await stat(path)).size, `${name} is too large to be searched`).toBeLessThan(largest);
    found[name] = await readFile(path, 'latin1');
  }
  return found;
}
