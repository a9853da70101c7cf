/** The usage book in the ledger's table: rows that reports overwrite all day, outside every audited transaction. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { ledgerTable } from '../rotation/ledger-table.ts';
import type { Presence } from '../usage/presence.ts';
import { usageShards } from '../usage/shard.ts';
import {
  expiryAfter,
  type Generations,
  presenceKeptDays,
  type UsageBook,
  type UsageRow,
  usageKeptDays,
  withNewer,
} from '../usage/usage-book.ts';
import type { LedgerTable } from './document-client.ts';
import {
  absent,
  all,
  beginsWith,
  compare,
  type Expression,
  either,
  equals,
  onlyIf,
  placeholders,
} from './expressions.ts';
import { addressOf, partitionOf, type Row, sortPrefix } from './ledger-rows.ts';

const { partitionKey, sortKey, timeToLive } = ledgerTable;

/** Writes under way at a time in one `apply`: more than the SDK's 50 sockets would only queue there. */
const parallelWrites = 32;

export function dynamoDbUsageBook(ledger: LedgerTable): UsageBook {
  return {
    apply: ({ presence, usage }) =>
      inParallel([
        ...presence.map((row) => () => mergePresence(ledger, row)),
        ...usage.map((row) => () => putIfNewer(ledger, row)),
      ]),
    presence: async (credentialId) =>
      (await query(ledger, equals(partitionKey, partitionOf.presence(credentialId)))).map(readPresence),
    usage: async (credentialId, generation) => {
      const shards = Array.from({ length: usageShards }, (_, shard) =>
        partitionOf.usage({ credentialId, generation, shard }),
      );
      const rows = await Promise.all(shards.map((pk) => query(ledger, equals(partitionKey, pk))));
      return rows.flat().map(readUsage);
    },
    generations: (credentialId) => generations(ledger, credentialId),
  };
}

/**
 * Reads, merges, and writes unless somebody was faster; then it starts over. A late or repeated report that adds
 * nothing writes nothing. Ends, because each round lost means that another report of this one process got in.
 */
async function mergePresence(ledger: LedgerTable, update: Presence): Promise<void> {
  const address = addressOf.presence(update);
  const { Item } = await ledger.client.send(
    new GetCommand({ TableName: ledger.table, Key: { ...address }, ConsistentRead: true }),
  );
  const known = Item && readPresence(Item);
  const merged = withNewer(known, update);
  if (known && addsNothing(known, merged)) return;
  const unchanged = known ? all(equals('seq', known.seq), equals('lastUse', known.lastUse)) : absent('seq');
  const row = {
    ...address,
    type: 'presence',
    ...merged,
    [timeToLive]: expiryAfter(merged.lastSeen, presenceKeptDays),
  };
  if (!(await put(ledger, row, unchanged))) await mergePresence(ledger, update);
}

/** The counts of a minute are cumulative, so the newest report's are the right ones and a loser has nothing to add. */
async function putIfNewer(ledger: LedgerTable, row: UsageRow): Promise<void> {
  const expiresAt = expiryAfter(row.lastUsedAt, usageKeptDays);
  const newer = either(absent('seq'), compare('seq', '<', row.seq));
  await put(ledger, { ...addressOf.usage(row), type: 'usage', ...row, [timeToLive]: expiresAt }, newer);
}

/** @returns false when the condition did not hold and nothing was written. */
async function put({ client, table }: LedgerTable, row: Row, condition: Expression): Promise<boolean> {
  try {
    await client.send(new PutCommand({ TableName: table, Item: row, ...onlyIf(condition) }));
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Read consistently: a key is in the ledger before anybody can use it, and must not be rejected as unknown. */
async function generations(ledger: LedgerTable, credentialId: string): Promise<Generations | undefined> {
  const address = addressOf.credential(credentialId);
  const isKey = all(equals(partitionKey, address[partitionKey]), beginsWith(sortKey, sortPrefix.key));
  const [keys, { Item }] = await Promise.all([
    query(ledger, isKey, ['versionId', 'generation']),
    ledger.client.send(
      new GetCommand({
        TableName: ledger.table,
        Key: { ...address },
        ConsistentRead: true,
        ProjectionExpression: partitionKey,
      }),
    ),
  ]);
  return Item && new Map(keys.map(({ versionId, generation }) => [String(versionId), Number(generation)]));
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

function addsNothing(known: Presence, merged: Presence): boolean {
  const uses = Object.entries(merged.lastUse);
  return known.seq === merged.seq && uses.every(([versionId, at]) => known.lastUse[versionId] === at);
}

/** Rows become types again here only: what this file wrote, it trusts. */
const readPresence = (row: Row): Presence => content(row) as Presence;
const readUsage = (row: Row): UsageRow => content(row) as UsageRow;

function content(row: Row): unknown {
  const { [partitionKey]: _pk, [sortKey]: _sk, [timeToLive]: _ttl, type: _type, ...rest } = row;
  return rest;
}
