/** Many rows of the ledger's table by their addresses, in few requests. */
import { BatchGetCommand } from '@aws-sdk/lib-dynamodb';
import { ledgerTable } from '../rotation/ledger-table.ts';
import { inParallel } from '../usage/in-parallel.ts';
import type { LedgerTable } from './document-client.ts';
import type { Address, Row } from './ledger-rows.ts';
import { systemClock } from './system-clock.ts';

const { partitionKey, sortKey } = ledgerTable;

/** DynamoDB's limit. */
const mostAtOnce = 100;

/** Requests of one call under way at a time. */
const requestsAtOnce = 4;

/** Answers of a busy table that leave something out before it counts as failed. */
const mostRounds = 8;

/** Rows by the address they were asked for; an address without a row is not in it. */
export interface Rows {
  get(address: Address): Row | undefined;
}

/** Reads consistently. @throws what DynamoDB says, or when it leaves rows out again and again. */
export async function readRows(ledger: LedgerTable, addresses: readonly Address[]): Promise<Rows> {
  const chunks = Array.from({ length: Math.ceil(addresses.length / mostAtOnce) }, (_, index) =>
    addresses.slice(index * mostAtOnce, (index + 1) * mostAtOnce),
  );
  const rows = new Map<string, Row>();
  await inParallel(chunks, requestsAtOnce, async (chunk) => {
    for (const row of await readChunk(ledger, chunk)) rows.set(nameOf(row), row);
  });
  return { get: (address) => rows.get(nameOf(address)) };
}

async function readChunk(
  ledger: LedgerTable,
  addresses: readonly Address[],
  rounds = 1,
): Promise<readonly Row[]> {
  const { client, table } = ledger;
  const { Responses = {}, UnprocessedKeys = {} } = await client.send(
    new BatchGetCommand({
      RequestItems: { [table]: { Keys: addresses.map((address) => ({ ...address })), ConsistentRead: true } },
    }),
  );
  const rows = Responses[table] ?? [];
  const rest = (UnprocessedKeys[table]?.Keys ?? []) as readonly unknown[] as readonly Address[];
  if (rest.length === 0) return rows;
  if (rounds >= mostRounds) throw new Error(`table ${table} is too busy: ${rest.length} rows are not read`);
  await systemClock.sleep(0.05 * 2 ** rounds * Math.random());
  return [...rows, ...(await readChunk(ledger, rest, rounds + 1))];
}

const nameOf = (row: Address | Row): string => JSON.stringify([row[partitionKey], row[sortKey]]);
