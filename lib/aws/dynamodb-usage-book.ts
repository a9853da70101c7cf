/** The usage book in the ledger's table: rows that reports overwrite all day, outside every audited transaction. */
import { isDeepStrictEqual } from 'node:util';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { ledgerTable } from '../rotation/ledger-table.ts';
import type { Clock } from '../rotation/ports.ts';
import { sharing } from '../usage/in-parallel.ts';
import { withoutLeavers } from '../usage/leavers.ts';
import { withNewer, withNewerCounts } from '../usage/newer.ts';
import type { Presence } from '../usage/presence.ts';
import { usageShards } from '../usage/shard.ts';
import type { KnownCredential, UsageBook, UsageRow } from '../usage/usage-book.ts';
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
import { paced } from './pace.ts';
import { readRows } from './read-rows.ts';
import { systemClock } from './system-clock.ts';
import { addCounts, countsParts } from './usage-counts.ts';
import { presenceRow, readDay, readMinute, readPresence } from './usage-rows.ts';

const { partitionKey, sortKey } = ledgerTable;

/** Requests under way at a time, of all `apply` of one book: more than the SDK's 50 sockets would only queue there. */
const requestsAtOnce = 32;

/**
 * Write units a second that one `apply` puts into the partition of a credential's presence: as many as five at a time
 * (`foldsAtOnce`) may have without passing the 1,000 that DynamoDB takes there.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
 */
const presenceWritesPerSecond = 150;

interface UsageBookOptions {
  /** How long minute rows stay after the last use in them; days stay for ever. For who writes. @default 30 */
  readonly usageKeptDays?: number;
  /** What the pace of presence is kept by. @default the machine's */
  readonly clock?: Clock;
}

export function dynamoDbUsageBook(
  ledger: LedgerTable,
  { usageKeptDays = 30, clock = systemClock }: UsageBookOptions = {},
): UsageBook {
  const inTurn = sharing(requestsAtOnce);
  return {
    async apply({ presence, usage }) {
      const known = await inTurn(() => readRows(ledger, presence.map(addressOf.presence)));
      const pace = paced(presenceWritesPerSecond, clock);
      const presenceRows: PresenceRows = { ledger, pace, inTurn };
      await Promise.all([
        ...presence.map((row) => mergePresence(presenceRows, row, known.get(addressOf.presence(row)))),
        ...countsParts(usage).map(async (parts) => {
          for (const part of parts) await inTurn(() => addCounts(ledger, part, usageKeptDays));
        }),
      ]);
    },
    presence: async (credentialId) => {
      const rows = withoutLeavers();
      const pages = pagesOf(ledger, equals(partitionKey, partitionOf.presence(credentialId)));
      for await (const page of pages) rows.add(page.map(readPresence));
      return rows.all();
    },
    usage: async (credentialId, generation, since = '') => {
      const shards = Array.from({ length: usageShards }, (_, shard) =>
        partitionOf.usage({ credentialId, generation, shard }),
      );
      const rows = await Promise.all(shards.map((pk) => query(ledger, from(pk, since))));
      return onceEach(rows.flat().map(readMinute)).filter(({ minute }) => minute >= minuteOf(since));
    },
    days: async (credentialId, since) => {
      const rows = await query(ledger, from(partitionOf.days(credentialId), since));
      return rows.map(readDay);
    },
    known: (credentialId) => known(ledger, credentialId),
  };
}

/** DynamoDB takes no empty value in a condition on a key. */
const from = (partition: string, since: string): Expression =>
  since === ''
    ? equals(partitionKey, partition)
    : all(equals(partitionKey, partition), compare(sortKey, '>=', minuteOf(since)));

/** `2026-11-21T10:42` of any instant in that minute, and of the minute itself: every row of it sorts after this. */
const minuteOf = (since: string): string => since.slice(0, 16);

/**
 * The same minute can have two rows, when it began before an update: an earlier keyturn named them
 * `<consumer>#<instance>#<minute>`. Letters sort after digits, so these are found from any minute on.
 */
function onceEach(rows: readonly UsageRow[]): readonly UsageRow[] {
  const once = new Map<string, UsageRow>();
  for (const row of rows) {
    const name = [row.consumer, row.instance, row.minute].join('#');
    once.set(name, withNewerCounts(once.get(name), row));
  }
  return [...once.values()];
}

/** How one `apply` writes presence. */
interface PresenceRows {
  readonly ledger: LedgerTable;
  readonly pace: (units: number) => Promise<void>;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Merges with the row as it was read, and writes unless somebody was faster; then it reads again and starts over. A
 * late or repeated report that adds nothing writes nothing. Ends, because each round lost means that another report of
 * this one process got in.
 */
async function mergePresence(on: PresenceRows, update: Presence, row: Row | undefined): Promise<void> {
  const { ledger, pace, inTurn } = on;
  const known = row && readPresence(row);
  const merged = withNewer(known, update);
  if (isDeepStrictEqual(known, merged)) return;
  const written = presenceRow(merged);
  await pace(writeUnits(written));
  if (await inTurn(() => put(ledger, written, known ? asRead(known) : absent('seq')))) return;
  const Key = { ...addressOf.presence(update) };
  const again = new GetCommand({ TableName: ledger.table, Key, ConsistentRead: true });
  const { Item } = await inTurn(() => ledger.client.send(again));
  await mergePresence(on, update, Item);
}

/** A unit for each KiB. A row as JSON is longer than DynamoDB counts it. */
const writeUnits = (row: Row): number => Math.ceil(JSON.stringify(row).length / 1024);

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
  ledger: LedgerTable,
  which: Expression,
  attributes: readonly string[] = [],
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for await (const page of pagesOf(ledger, which, attributes)) rows.push(...page);
  return rows;
}

async function* pagesOf(
  { client, table }: LedgerTable,
  which: Expression,
  attributes: readonly string[] = [],
): AsyncGenerator<readonly Row[]> {
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
  for await (const { Items = [] } of pages) yield Items;
}
