/** The usage book in DynamoDB is a usage book, and its rows go by themselves one day. */
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  BatchWriteCommand,
  type DynamoDBDocumentClient,
  PutCommand,
  ScanCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cloudConfig } from '../../bench/cloud-config.ts';
import { documentClient } from '../../lib/aws/document-client.ts';
import { dynamoDbUsageBook } from '../../lib/aws/dynamodb-usage-book.ts';
import { credentialRow, keyRow } from '../../lib/aws/ledger-rows.ts';
import { ledgerTable } from '../../lib/rotation/ledger-table.ts';
import type { KnownCredential } from '../../lib/usage/usage-book.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { aCredential, aKey } from '../support/builders.ts';
import { usageBookContract } from './usage-book-contract.ts';

const { partitionKey, sortKey } = ledgerTable;

let cloud: Cloud;
let database: DynamoDBClient;
let client: DynamoDBDocumentClient;
let tables = 0;

beforeAll(async () => {
  cloud = await startCloud();
  database = new DynamoDBClient(cloudConfig(cloud));
  client = documentClient(database);
});

afterAll(() => cloud?.stop());

async function emptyTable(): Promise<string> {
  tables += 1;
  const table = `usage-${tables}`;
  await database.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: partitionKey, KeyType: 'HASH' },
        { AttributeName: sortKey, KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: partitionKey, AttributeType: 'S' },
        { AttributeName: sortKey, AttributeType: 'S' },
      ],
    }),
  );
  return table;
}

async function aBook(credentialId: string, { generations, senders }: KnownCredential, usageKeptDays = 30) {
  const table = await emptyTable();
  const keys = [...generations].map(([versionId, generation]) =>
    keyRow(aKey({ credentialId, versionId, generation })),
  );
  const rows = [credentialRow(aCredential({ id: credentialId, senders })), ...keys];
  const requests = rows.map((row) => ({ PutRequest: { Item: { ...row } } }));
  await client.send(new BatchWriteCommand({ RequestItems: { [table]: requests } }));
  return { table, book: dynamoDbUsageBook({ client, table }, { usageKeptDays }) };
}

usageBookContract('the DynamoDB usage book', async (id, known) => (await aBook(id, known)).book);

const nothingKnown = { generations: new Map(), senders: {} };
const at = '2026-11-21T10:00:00.000Z';
const ofProcess = { credentialId: 'npm-token', consumer: 'mirror', instance: 'one', seq: 1 };
const present = { ...ofProcess, windowEnd: at, lastSeen: at, leftAt: null, holds: [], lastUse: {} };
const minute = { ...ofProcess, generation: 1, shard: 3, minute: '2026-11-21T10:00Z' };
const counts = { ok: 1, denied: 0, firstUsedAt: at, lastUsedAt: at };

test('presence outlives the longest grace, minutes go when the operator says, days stay', async () => {
  const { table, book } = await aBook('npm-token', nothingKnown, 20);
  await book.apply({ presence: [present], usage: [{ ...minute, ...counts }] });
  const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
  const expiry = new Map(Items.map((row) => [row[partitionKey], row[ledgerTable.timeToLive]]));
  const epochSeconds = Date.parse(at) / 1000;
  expect(expiry.get('SEEN#npm-token')).toBe(epochSeconds + 35 * 86_400);
  expect(expiry.get('USE#npm-token#1#3')).toBe(epochSeconds + 20 * 86_400);
  expect([...expiry.keys()]).toContain('DAYS#npm-token');
  expect(expiry.get('DAYS#npm-token')).toBeUndefined();
});

test('a credential that an earlier keyturn registered knows no senders', async () => {
  const { table, book } = await aBook('npm-token', nothingKnown);
  const { senders: _, ...row } = credentialRow(aCredential({ id: 'an-old-one' }));
  await client.send(new PutCommand({ TableName: table, Item: row }));
  expect(await book.known('an-old-one')).toEqual(nothingKnown);
});

test('minutes that an earlier keyturn wrote are read, also from an instant on, and once each', async () => {
  const { table, book } = await aBook('npm-token', nothingKnown);
  const earlier = { ...minute, ...counts, type: 'usage' };
  const partition = { [partitionKey]: 'USE#npm-token#1#3' };
  for (const each of ['2026-11-21T09:59Z', minute.minute]) {
    const Item = { ...partition, [sortKey]: `mirror#one#${each}`, ...earlier, minute: each };
    await client.send(new PutCommand({ TableName: table, Item }));
  }
  await book.apply({ presence: [], usage: [{ ...minute, ...counts, seq: 2, ok: 5 }] });
  expect(await book.usage('npm-token', 1)).toHaveLength(2);
  expect(await book.usage('npm-token', 1, at)).toMatchObject([{ minute: minute.minute, ok: 5 }]);
});

test('a write that was applied though its answer was lost is not applied again', async () => {
  const { table } = await aBook('npm-token', nothingKnown);
  const flaky = documentClient(new DynamoDBClient({ ...cloudConfig(cloud), maxAttempts: 1 }));
  flaky.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const answer = await next(args);
        if (commandName === 'TransactWriteItemsCommand') throw new Error('the answer is lost');
        return answer;
      },
    { step: 'initialize' },
  );
  const usage = [{ ...minute, ...counts }];
  await expect(dynamoDbUsageBook({ client: flaky, table }).apply({ presence: [], usage })).rejects.toThrow();
  const book = dynamoDbUsageBook({ client, table });
  await book.apply({ presence: [], usage });
  expect(await book.days('npm-token', '2026-11-21')).toMatchObject([{ ok: 1 }]);
});
