/**
 * Listens to the requests that the real adapters make, on the wire, and adds up what AWS would bill for each.
 * A request of a kind that has no rule here throws, so nothing goes by uncounted.
 */
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { LedgerTable } from '../lib/aws/document-client.ts';
import { ledgerTable } from '../lib/rotation/ledger-table.ts';
import { type Item, itemSize, readUnits, writeUnits } from './item-size.ts';
import type { Usage } from './prices.ts';

export interface Meter {
  /** So much of each. */
  readonly used: ReadonlyMap<Usage, number>;
  /** How many requests of each kind there were, by AWS's name for them. */
  readonly requests: ReadonlyMap<string, number>;
  /** Write units of the table by partition key and second: DynamoDB takes no more than 1,000 a second for one. */
  readonly writes: ReadonlyMap<string, ReadonlyMap<number, number>>;
  count(what: Usage, amount?: number): void;
  /** For a client's middleware stack, at step `finalizeRequest`: where requests are as they are sent. */
  listen<Args extends object, Answer extends object>(
    next: (args: Args) => Promise<Answer>,
  ): (args: Args) => Promise<Answer>;
  reset(): void;
}

/** Where a client's middleware hears requests as they are sent, each try by itself. */
export const asSent = { step: 'finalizeRequest', priority: 'low', name: 'meter' } as const;

/** Write units that a partition has taken in one second, at the most. */
export const hottestSecond = ({ writes }: Pick<Meter, 'writes'>): number =>
  Math.max(0, ...[...writes.values()].flatMap((seconds) => [...seconds.values()]));

/** How many requests of any kind. */
export const requestsOf = ({ requests }: Pick<Meter, 'requests'>): number =>
  [...requests.values()].reduce((sum, times) => sum + times, 0);

const { partitionKey, sortKey, dueIndex } = ledgerTable;

const text = z.union([
  z.string(),
  z.instanceof(Uint8Array).transform((bytes) => new TextDecoder().decode(bytes)),
]);
const wire = z.object({ request: z.object({ headers: z.record(z.string(), z.string()), body: text }) });

/** A row's primary key as it is sent; a Put has it among the row's attributes. */
const key = z
  .looseObject({ [partitionKey]: z.object({ S: z.string() }), [sortKey]: z.object({ S: z.string() }) })
  .transform((row) => ({ [partitionKey]: row[partitionKey]?.S, [sortKey]: row[sortKey]?.S }));
const written = z
  .object({ Item: key.optional(), Key: key.optional() })
  .transform(({ Item, Key = Item }) => Key);
/** Whatever an item of a transaction does, it is billed for the row that it names. */
const change = z
  .object({
    Put: written.optional(),
    Update: written.optional(),
    Delete: written.optional(),
    ConditionCheck: written.optional(),
  })
  .transform(({ Put, Update, Delete, ConditionCheck }) => Put ?? Update ?? Delete ?? ConditionCheck);
const transaction = z.object({ TransactItems: z.array(change) });
const read = z.object({ ConsistentRead: z.boolean().default(false) });
const row = z.record(z.string(), z.unknown());
const found = z.object({ Item: row.optional(), Items: z.array(row).optional() });
const batch = z.object({ RequestItems: z.record(z.string(), read.extend({ Keys: z.array(z.unknown()) })) });
const batchFound = z.object({ Responses: z.record(z.string(), z.array(row)).default({}) });
const entries = z.object({ Entries: z.array(z.object({ Detail: z.string() })) });

/** @param table the ledger, by a client that nobody listens to: it looks up what a write has left. */
export function meterOf({ client, table }: LedgerTable): Meter {
  const used = new Map<Usage, number>();
  const requests = new Map<string, number>();
  const writes = new Map<string, Map<number, number>>();
  const items = new Map<string, Item>();
  const add = (what: Usage, amount = 1): void => void used.set(what, (used.get(what) ?? 0) + amount);

  /** @param times 2 in a transaction, which writes every row twice. */
  const write = async (Key: z.output<typeof written>, times: number): Promise<void> => {
    const second = Math.floor(Date.now() / 1000);
    const { Item: after } = await client.send(
      new GetCommand({ TableName: table, Key, ConsistentRead: true }),
    );
    const name = JSON.stringify(Key);
    const before = items.get(name);
    if (after) items.set(name, after);
    else items.delete(name);
    const units = times * writeUnits(before, after);
    const partition = Key?.[partitionKey] ?? '';
    const ofPartition = writes.get(partition) ?? new Map<number, number>();
    writes.set(partition, ofPartition);
    ofPartition.set(second, (ofPartition.get(second) ?? 0) + units);
    add('writeUnit', units + times * indexWrites(before, after));
  };
  const dynamoDb = async (operation: string, body: unknown, output: unknown): Promise<void> => {
    if (operation === 'TransactWriteItems') {
      const { TransactItems } = transaction.parse(body);
      await Promise.all(TransactItems.map((Key) => write(Key, 2)));
    } else if (operation === 'GetItem' || operation === 'Query') {
      const { Item, Items = Item ? [Item] : [] } = found.parse(output);
      const size = Items.reduce((sum, item) => sum + itemSize(item), 0);
      add('readUnit', readUnits(size, read.parse(body).ConsistentRead));
    } else if (operation === 'BatchGetItem') add('readUnit', batchUnits(body, output));
    else if (['PutItem', 'UpdateItem', 'DeleteItem'].includes(operation)) await write(written.parse(body), 1);
    else throw unpriced(`DynamoDB ${operation}`);
  };
  const bill = async (target: string, body: unknown, output: unknown): Promise<void> => {
    const [service = '', operation = ''] = target.split('.');
    if (service.startsWith('DynamoDB')) return dynamoDb(operation, body, output);
    if (service === 'secretsmanager') {
      add('secretsManagerCall');
      add('kmsRequest', kmsRequestsOf[operation] ?? 0);
    } else if (service === 'AWSEvents') {
      for (const { Detail } of entries.parse(body).Entries)
        add('busEvent', Math.ceil(Detail.length / 65_536));
    } else if (service !== 'AWSStepFunctions') throw unpriced(target);
  };
  return {
    used,
    requests,
    writes,
    count: add,
    reset: () => {
      used.clear();
      requests.clear();
      writes.clear();
    },
    listen: (next) => async (args) => {
      const { headers, body } = wire.parse(args).request;
      const target = headers['x-amz-target'] ?? 'unknown';
      requests.set(target, (requests.get(target) ?? 0) + 1);
      let output: unknown = {};
      try {
        const answer = await next(args);
        output = Reflect.get(answer, 'output');
        return answer;
      } finally {
        // What AWS refuses, because a secret exists already or a condition fails, is billed as well.
        await bill(target, JSON.parse(body), output);
      }
    },
  };
}

/** Each row by itself, those that are not there as well. */
function batchUnits(body: unknown, output: unknown): number {
  const { Responses } = batchFound.parse(output);
  const units = Object.entries(batch.parse(body).RequestItems).map(([table, { Keys, ConsistentRead }]) => {
    const rows = Responses[table] ?? [];
    const missing = (Keys.length - rows.length) * readUnits(0, ConsistentRead);
    return rows.reduce((sum, item) => sum + readUnits(itemSize(item), ConsistentRead), missing);
  });
  return units.reduce((sum, each) => sum + each, 0);
}

/**
 * An entry of the index is small: one unit to put it, one to take it away, both when its place changes. In a
 * transaction these are doubled as well, since nothing says that they are not.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
 */
function indexWrites(before: Item | undefined, after: Item | undefined): number {
  const [from, to] = [placeOf(before), placeOf(after)];
  if (from === to) return 0;
  return (from ? 1 : 0) + (to ? 1 : 0);
}

const placeOf = (item: Item = {}): string | undefined => {
  const { [dueIndex.partitionKey]: shard, [dueIndex.sortKey]: at } = item;
  return shard && at ? `${shard} ${at}` : undefined;
};

/**
 * A data key for each new version, a decryption for each value read.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
 */
const kmsRequestsOf: Readonly<Record<string, number>> = {
  CreateSecret: 1,
  PutSecretValue: 1,
  GetSecretValue: 1,
};

const unpriced = (what: string): Error => new Error(`${what} has no price rule: add one to bench/meter.ts`);
