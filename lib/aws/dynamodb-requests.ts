/** Answered event ids in the ledger's table, which DynamoDB removes some time after they have expired. */
import { randomUUID } from 'node:crypto';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { ledgerTable } from '../rotation/ledger-table.ts';
import type { Requests } from '../rotation/ports.ts';
import type { Instant } from '../usage/instant.ts';
import type { LedgerTable } from './document-client.ts';
import { absent, compare, either, onlyIf, present, setting } from './expressions.ts';
import { addressOf } from './ledger-rows.ts';

const { partitionKey, timeToLive } = ledgerTable;

/** Redeliveries come within a day; twice that is kept. */
const keptFor = 48 * 3600;

/**
 * Each take leaves a mark of its own in the row: when the answer to a write is lost and the SDK sends it again,
 * the refusal of the second is recognised as the success of the first.
 */
export function dynamoDbRequests(ledger: LedgerTable): Requests {
  return {
    take: (id, now) => take(ledger, id, now),
    answer: async (id, answer) => {
      try {
        await update(ledger, id, { answer });
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) throw unknown(id, error);
        throw error;
      }
    },
    find: async (id) => {
      const { Item } = await ledger.client.send(
        new GetCommand({ TableName: ledger.table, Key: { ...addressOf.request(id) }, ConsistentRead: true }),
      );
      if (!Item) return undefined;
      const { answer } = Item;
      return { answer };
    },
  };
}

async function take({ client, table }: LedgerTable, id: string, now: Instant): Promise<boolean> {
  const seconds = Math.floor(Date.parse(now) / 1000);
  const mark = randomUUID();
  const Item = { ...addressOf.request(id), answer: null, mark, [timeToLive]: seconds + keptFor };
  try {
    await client.send(new PutCommand({ TableName: table, Item, ...onlyIf(isNew(seconds)) }));
    return true;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    const { mark: found } = error.Item ?? {};
    return found?.S === mark;
  }
}

/** DynamoDB may take days to remove an expired row: until then the row counts as gone. */
const isNew = (now: number) => either(absent(partitionKey), compare(timeToLive, '<=', now));

/** Only a row that is there: a new one would have no expiry and stay for ever. */
const update = ({ client, table }: LedgerTable, id: string, fields: Readonly<Record<string, unknown>>) =>
  client.send(
    new UpdateCommand({
      TableName: table,
      Key: { ...addressOf.request(id) },
      ...setting(fields, present(partitionKey)),
    }),
  );

const unknown = (id: string, cause: Error): Error =>
  new Error(`request ${id} is not known: take it before it is answered`, { cause });
