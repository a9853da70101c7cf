/** The ledger's table on the local cloud, as the construct makes it, for tests of adapters. */
import { randomUUID } from 'node:crypto';
import { CreateTableCommand, DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { documentClient, type LedgerTable } from '../../lib/aws/document-client.ts';
import { ledgerTable } from '../../lib/rotation/ledger-table.ts';

const { partitionKey, sortKey, dueIndex } = ledgerTable;

const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' as const });
const keys = (hash: string, range: string) => [
  { AttributeName: hash, KeyType: 'HASH' as const },
  { AttributeName: range, KeyType: 'RANGE' as const },
];

/** A new empty table, so that tests on one cloud share no row. */
export async function aCloudTable(config: DynamoDBClientConfig): Promise<LedgerTable> {
  const client = new DynamoDBClient(config);
  const table = `ledger-${randomUUID()}`;
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [partitionKey, sortKey, dueIndex.partitionKey, dueIndex.sortKey].map(text),
      KeySchema: keys(partitionKey, sortKey),
      GlobalSecondaryIndexes: [
        {
          IndexName: dueIndex.name,
          KeySchema: keys(dueIndex.partitionKey, dueIndex.sortKey),
          Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: [...dueIndex.nonKeyAttributes] },
        },
      ],
    }),
  );
  return { client: documentClient(client), table };
}
