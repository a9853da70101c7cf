/** The usage book in the ledger's table: rows that reports overwrite all day, outside every audited transaction. */
import { isDeepStrictEqual } from 'node:util';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { ledgerTable } from '../rotation/ledger-table.ts';
import { withNewer } from '../usage/newer.ts';
import type { Presence } from '../usage/presence.ts';
import { usageShards } from '../usage/shard.ts';
import type { KnownCredential, UsageBook } from '../usage/usage-book.ts';
import type { LedgerTable } from './document-client.ts';
import {
  absent,
  all,
  between,
  compare,
  type Expression,
  equals,
  onlyIf,
  placeholders,
} from './expressions.ts';
import { addressOf, partitionOf, type Row, sortPrefix } from './ledger-rows.ts';
import { readRows } from './read-rows.ts';
import { addCounts, countsParts } from './usage-counts.ts';
import { presenceRow, readDay, readMinute, readPresence } from './usage-rows.ts';

const { partitionKey, sortKey } = ledgerTable;

/** Writes under way at a time in one `apply`: more than the SDK's 50 sockets would only queue there. */
const parallelWrites = 32;

/** @param usageKeptDays how long minute rows stay after the last use in them; days stay for ever. For who writes. */
export function dynamoDbUsageBook(ledger: LedgerTable, { usageKeptDays = 30 } = {}): UsageBook {
  return {
    async apply({ presence, usage }) {
      const known = await readRows(ledger, presence.map(addressOf.presence));
      await inParallel([
        ...presence.map((row) => () => mergePresence(ledger, row, known.get(addressOf.presence(row)))),
        ...countsParts(usage).map((parts) => async () => {
          for (const part of parts) await addCounts(ledger, part, usageKeptDays);
        }),
      ]);
    },
    presence: async (credentialId) =>
      (await query(ledger, equals(partitionKey, partitionOf.presence(credentialId)))).map(readPresence),
    usage: async (credentialId, generation) => {
      const shards = Array.from({ length: usageShards }, (_, shard) =>
        partitionOf.usage({ credentialId, generation, shard }),
      );
      const rows = await Promise.all(shards.map((pk) => query(ledger, equals(partitionKey, pk))));
      return rows.flat().map(readMinute);
    },
    days: async (credentialId, since) => {
      const from = all(equals(partitionKey, partitionOf.days(credentialId)), compare(sortKey, '>=', since));
      return (await query(ledger, from)).map(readDay);
    },
    known: (credentialId) => known(ledger, credentialId),
  };
}

/**
 * Merges with the row as it was read, and writes unless somebody was faster; then it reads again and starts over. A
 * late or repeated report that adds nothing writes nothing. Ends, because each round lost means that another report of
 * this one process got in.
 */
async function mergePresence(ledger: LedgerTable, update: Presence, row: Row | undefined): Promise<void> {
  const known = row && readPresence(row);
  const merged = withNewer(known, update);
  if (isDeepStrictEqual(known, merged)) return;
  if (await put(ledger, presenceRow(merged), known ? asRead(known) : absent('seq'))) return;
  const { Item } = await ledger.client.send(
    new GetCommand({ TableName: ledger.table, Key: { ...addressOf.presence(update) }, ConsistentRead: true }),
  );
  await mergePresence(ledger, update, Item);
}

/** Everything that the merge was made from. */
const asRead = (row: Presence): Expression => all(...mergedFields.map((name) => equals(name, row[name])));

const mergedFields = ['seq', 'lastSeen', 'windowEnd', 'leftAt', 'holds', 'lastUse'] as const;

/** @returns false when the condition did not hold and nothing was written. */
async function put({ client, table }: LedgerTable, row: Row, condition: Expression): Promise<boolean> {
  try {
    await client.send(new PutCommand({ TableName: table, Item: { ...row }, ...onlyIf(condition) }));
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/**
 * Read consistently: a key is in the ledger before anybody can use it, and must not be rejected as unknown. Its keys
 * stand right before the credential itself, and nothing else between them, so one request reads all.
 */
async function known(ledger: LedgerTable, credentialId: string): Promise<KnownCredential | undefined> {
  const { [partitionKey]: partition, [sortKey]: itself } = addressOf.credential(credentialId);
  const rows = await query(
    ledger,
    all(equals(partitionKey, partition), between(sortKey, sortPrefix.key, itself)),
    [sortKey, 'versionId', 'generation', 'senders'],
  );
  const credential = rows.find((row) => row[sortKey] === itself);
  if (!credential) return undefined;
  const keys = rows.filter((row) => row !== credential);
  // rows of an earlier keyturn know no senders
  const { senders = {} } = credential as Partial<Pick<KnownCredential, 'senders'>>;
  return {
    generations: new Map(keys.map(({ versionId, generation }) => [String(versionId), Number(generation)])),
    senders,
  };
}

async function query(
  { client, table }: LedgerTable,
  which: Expression,
  attributes: readonly string[] = [],
): Promise<readonly Row[]> {
  const pages = paginateQuery(
    { client },
    {
      TableName: table,
      ConsistentRead: true,
      KeyConditionExpression: which.text,
      ...placeholders(which),
      ...(attributes.length > 0 && { ProjectionExpression: attributes.join(', ') }),
    },
  );
  const rows: Row[] = [];
  for await (const { Items = [] } of pages) rows.push(...Items);
  return rows;
}

async function inParallel(writes: readonly (() => Promise<void>)[]): Promise<void> {
  const rest = writes.values();
  const worker = async (): Promise<void> => {
    for (const write of rest) await write();
  };
  await Promise.all(Array.from({ length: parallelWrites }, worker));
}
