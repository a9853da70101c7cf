/** How presence, minutes and days become rows, and are read back. */
import { ledgerTable } from '../rotation/ledger-table.ts';
import type { Presence } from '../usage/presence.ts';
import { expiryAfter, presenceKeptDays, type UsageDay, type UsageRow } from '../usage/usage-book.ts';
import { addressOf, type Row } from './ledger-rows.ts';

const { partitionKey, sortKey, timeToLive } = ledgerTable;

export const presenceRow = (presence: Presence): Row => ({
  ...addressOf.presence(presence),
  type: 'presence',
  ...presence,
  [timeToLive]: expiryAfter(presence.lastSeen, presenceKeptDays),
});

export const minuteRow = (minute: UsageRow, keptDays: number): Row => ({
  ...addressOf.usage(minute),
  type: 'usage',
  ...minute,
  [timeToLive]: expiryAfter(minute.lastUsedAt, keptDays),
});

/** Rows become types again here only: what keyturn wrote, it trusts. */
export const readPresence = (row: Row): Presence => content(row) as Presence;
export const readMinute = (row: Row): UsageRow => content(row) as UsageRow;
export const readDay = (row: Row): UsageDay => content(row) as UsageDay;

function content(row: Row): unknown {
  const { [partitionKey]: _pk, [sortKey]: _sk, [timeToLive]: _ttl, type: _type, ...rest } = row;
  return rest;
}
