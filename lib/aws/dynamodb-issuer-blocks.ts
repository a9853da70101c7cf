/** Registered issuer blocks in the ledger's table. */
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { IssuerBlocks } from '../rotation/ports.ts';
import type { LedgerTable } from './document-client.ts';
import { addressOf } from './ledger-rows.ts';

export function dynamoDbIssuerBlocks({ client, table }: LedgerTable): IssuerBlocks {
  return {
    async put(name, block) {
      await client.send(
        new PutCommand({ TableName: table, Item: { ...addressOf.issuerBlock(name), block } }),
      );
    },
    async get(name) {
      const Key = { ...addressOf.issuerBlock(name) };
      const { Item = {} } = await client.send(
        new GetCommand({ TableName: table, Key, ConsistentRead: true }),
      );
      const { block } = Item;
      return block;
    },
  };
}
