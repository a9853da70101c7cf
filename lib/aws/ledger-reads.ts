/** The ledger's questions. All but the index are strongly consistent reads: steps decide by what they see. */
import { GetCommand, paginateQuery, paginateScan, type QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import type { Credential } from '../rotation/credential.ts';
import { ledgerTable } from '../rotation/ledger-table.ts';
import type { Ledger, LedgerView } from '../rotation/ports.ts';
import type { Rotation } from '../rotation/rotation.ts';
import type { Instant } from '../usage/instant.ts';
import type { LedgerTable } from './document-client.ts';
import { all, beginsWith, compare, type Expression, equals, placeholders } from './expressions.ts';
import { type Address, addressOf, dueShards, type Row, read, sortPrefix } from './ledger-rows.ts';

const { partitionKey, sortKey, dueIndex } = ledgerTable;

export function ledgerReads(ledger: LedgerTable) {
  return {
    load: (credentialId, rotationId) => load(ledger, credentialId, rotationId),
    credentials: () => everyCredential(ledger),
    rotations: async (credentialId) =>
      (await rowsOf(ledger, credentialId, sortPrefix.rotation)).map(read.rotation).sort(newestFirst),
    due: (now, limit) => due(ledger, now, limit),
    overdue: (now, limit) => overdue(ledger, now, limit),
    claim: async (issuer, keyId) => {
      const row = await get(ledger, addressOf.claim({ issuer, keyId }));
      return row && read.claim(row);
    },
    audit: async (credentialId) => (await rowsOf(ledger, credentialId, sortPrefix.audit)).map(read.audit),
  } satisfies Partial<Ledger>;
}

/**
 * META is read before the rest: whatever is written in between is newer than the audit sequence that we hold, so
 * a commit made from a mixed view is refused.
 */
async function load(
  ledger: LedgerTable,
  credentialId: string,
  rotationId: string | undefined,
): Promise<LedgerView | undefined> {
  const credential = await get(ledger, addressOf.credential(credentialId));
  if (!credential) return undefined;
  const [rotation, keys] = await Promise.all([
    rotationId === undefined ? undefined : get(ledger, addressOf.rotation({ credentialId, rotationId })),
    rowsOf(ledger, credentialId, sortPrefix.key),
  ]);
  return {
    credential: read.credential(credential),
    ...(rotation && { rotation: read.rotation(rotation) }),
    keys: keys.map(read.key),
  };
}

/** Reads the whole table, page by page: for a person at the CLI and for registration, not for a step. */
async function everyCredential({ client, table }: LedgerTable): Promise<readonly Credential[]> {
  const isCredential = equals('type', 'credential');
  const request = {
    TableName: table,
    ConsistentRead: true,
    FilterExpression: isCredential.text,
    ...placeholders(isCredential),
  };
  const found: Credential[] = [];
  for await (const { Items = [] } of paginateScan({ client }, request))
    found.push(...Items.map(read.credential));
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * The index lags behind the table and holds keys only, so that it is asked who may be due, and the table who is.
 * Fewer than `limit` may come back while more are due; the next sweep finds those.
 */
async function due(ledger: LedgerTable, now: Instant, limit: number): Promise<readonly Credential[]> {
  const shards = await Promise.all(dueShards.map((shard) => dueIn(ledger, 'credential', shard, now, limit)));
  const earliest = shards.flat().sort(byDueAt).slice(0, limit);
  const rows = await Promise.all(earliest.map(({ address }) => get(ledger, address)));
  return rows
    .flatMap((row) => (row ? [read.credential(row)] : []))
    .filter(({ dueAt, pause }) => dueAt !== null && dueAt <= now && pause === null)
    .sort(byDueAt);
}

/** As `due`, of the rotations that nobody has heard of in time. */
async function overdue(ledger: LedgerTable, now: Instant, limit: number): Promise<readonly Rotation[]> {
  const shards = await Promise.all(dueShards.map((shard) => dueIn(ledger, 'rotation', shard, now, limit)));
  const earliest = shards.flat().sort(byDueAt).slice(0, limit);
  const rows = await Promise.all(earliest.map(({ address }) => get(ledger, address)));
  return rows
    .flatMap((row) => (row ? [read.rotation(row)] : []))
    .filter((rotation) => !('endedAt' in rotation) && rotation.expectedBy <= now)
    .sort((a, b) => (a.expectedBy < b.expectedBy ? -1 : 1));
}

/** The filter is applied after the page is read, so pages are read until there are enough. */
async function dueIn(
  ledger: LedgerTable,
  type: 'credential' | 'rotation',
  shard: string,
  now: Instant,
  limit: number,
) {
  const isDue = all(equals(dueIndex.partitionKey, shard), compare(dueIndex.sortKey, '<=', now));
  const isWanted = equals('type', type);
  const pages = paginateQuery(ledger, {
    TableName: ledger.table,
    IndexName: dueIndex.name,
    KeyConditionExpression: isDue.text,
    FilterExpression: isWanted.text,
    ...placeholders(isDue, isWanted),
  });
  const found: { readonly address: Address; readonly dueAt: Instant }[] = [];
  for await (const { Items = [] } of pages) {
    found.push(
      ...Items.map((row) => ({
        address: { [partitionKey]: row[partitionKey], [sortKey]: row[sortKey] },
        dueAt: row[dueIndex.sortKey],
      })),
    );
    if (found.length >= limit) break;
  }
  return found;
}

async function get({ client, table }: LedgerTable, address: Address): Promise<Row | undefined> {
  const { Item } = await client.send(
    new GetCommand({ TableName: table, Key: { ...address }, ConsistentRead: true }),
  );
  return Item;
}

/** A credential's rows of one kind, in the order of their sort keys. */
async function rowsOf(ledger: LedgerTable, credentialId: string, prefix: string): Promise<readonly Row[]> {
  const { [partitionKey]: pk } = addressOf.credential(credentialId);
  return query(ledger, all(equals(partitionKey, pk), beginsWith(sortKey, prefix)));
}

async function query({ client, table }: LedgerTable, which: Expression): Promise<readonly Row[]> {
  const request: QueryCommandInput = {
    TableName: table,
    ConsistentRead: true,
    KeyConditionExpression: which.text,
    ...placeholders(which),
  };
  const rows: Row[] = [];
  for await (const { Items = [] } of paginateQuery({ client }, request)) rows.push(...Items);
  return rows;
}

const byDueAt = (a: { readonly dueAt: Instant | null }, b: { readonly dueAt: Instant | null }): number =>
  (a.dueAt ?? '') < (b.dueAt ?? '') ? -1 : 1;

const newestFirst = (a: Rotation, b: Rotation): number =>
  a.startedAt === b.startedAt ? b.generation - a.generation : a.startedAt < b.startedAt ? 1 : -1;
