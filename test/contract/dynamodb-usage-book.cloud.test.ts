/** The usage book in DynamoDB is a usage book, and its rows go by themselves one day. */
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, type DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { documentClient } from '../../lib/aws/document-client.ts';
import { dynamoDbUsageBook } from '../../lib/aws/dynamodb-usage-book.ts';
import { credentialRow, keyRow } from '../../lib/aws/ledger-rows.ts';
import { ledgerTable } from '../../lib/rotation/ledger-table.ts';
import type { Generations } from '../../lib/usage/usage-book.ts';
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
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  database = new DynamoDBClient({ endpoint: cloud.endpoint, region: 'us-east-1', credentials });
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

async function aBook(credentialId: string, generations: Generations) {
  const table = await emptyTable();
  const keys = [...generations].map(([versionId, generation]) =>
    keyRow(aKey({ credentialId, versionId, generation })),
  );
  const rows = [credentialRow(aCredential({ id: credentialId })), ...keys];
  const requests = rows.map((row) => ({ PutRequest: { Item: { ...row } } }));
  await client.send(new BatchWriteCommand({ RequestItems: { [table]: requests } }));
  return { table, book: dynamoDbUsageBook({ client, table }) };
}

usageBookContract('the DynamoDB usage book', async (id, generations) => (await aBook(id, generations)).book);

test('presence outlives the longest grace, counts are kept 30 days', async () => {
  const { table, book } = await aBook('npm-token', new Map());
  const process = { credentialId: 'npm-token', consumer: 'mirror', instance: 'one', seq: 1 };
  const at = '2026-11-21T10:00:00.000Z';
  const counts = { minute: '2026-11-21T10:00Z', ok: 1, denied: 0, firstUsedAt: at, lastUsedAt: at };
  await book.apply({
    presence: [{ ...process, windowEnd: at, lastSeen: at, leftAt: null, holds: [], lastUse: {} }],
    usage: [{ ...process, ...counts, generation: 1, shard: 3 }],
  });
  const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
  const expiry = new Map(Items.map((row) => [row[partitionKey], row[ledgerTable.timeToLive]]));
  const epochSeconds = Date.parse(at) / 1000;
  expect(expiry.get('SEEN#npm-token')).toBe(epochSeconds + 35 * 86_400);
  expect(expiry.get('USE#npm-token#1#3')).toBe(epochSeconds + 30 * 86_400);
});
