/** Registered issuer and target blocks in the ledger's table. */
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Blocks } from '../rotation/ports.ts';
import type { LedgerTable } from './document-client.ts';
import { addressOf } from './ledger-rows.ts';

/** @param kind which of the two, by its row's name in the address book. */
export function dynamoDbBlocks({ client, table }: LedgerTable, kind: 'issuerBlock' | 'targetBlock'): Blocks {
  const address = addressOf[kind];
  return {
    async put(name, block) {
      await client.send(new PutCommand({ TableName: table, Item: { ...address(name), block } }));
    },
    async get(name) {
      const Key = { ...address(name) };
      const { Item = {} } = await client.send(
        new GetCommand({ TableName: table, Key, ConsistentRead: true }),
      );
      const { block } = Item;
      return block;
    },
  };
}
