/** Counts of minutes and days in the ledger's table: they change together, so a day is always the sum of its minutes. */
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { TransactWriteCommand, type TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { type DaySum, dayOf, type MinuteChange, withChanges, withNewerCounts } from '../usage/newer.ts';
import type { UsageRow } from '../usage/usage-book.ts';
import type { LedgerTable } from './document-client.ts';
import { absent, all, compare, type Expression, either, equals, placeholders } from './expressions.ts';
import { addressOf, type DayName, type Row } from './ledger-rows.ts';
import { readRows } from './read-rows.ts';
import { systemClock } from './system-clock.ts';
import { minuteRow, readDay, readMinute } from './usage-rows.ts';

/** Minutes in one transaction: with their day no more than the 100 items that one read takes. */
const minutesAtOnce = 99;

/** Tries of one transaction. Others are in its way for milliseconds each, also with all five batches at work that there may be. */
const mostTries = 30;

/** Minutes of one day, key and consumer, few enough for one transaction. */
export type CountsPart = readonly UsageRow[];

/** Parts that share no row with each other, each in pieces that share their day: write these one after the other. */
export function countsParts(rows: readonly UsageRow[]): readonly (readonly CountsPart[])[] {
  const days = Map.groupBy(rows, (row) => JSON.stringify(addressOf.day(dayNameOf(row))));
  return [...days.values()].map((minutes) =>
    Array.from({ length: Math.ceil(minutes.length / minutesAtOnce) }, (_, index) =>
      minutes.slice(index * minutesAtOnce, (index + 1) * minutesAtOnce),
    ),
  );
}

/**
 * Reads the minutes, merges, and writes what has changed, with the difference to the day's sum, in one transaction
 * that holds only as long as each minute is as it was read. Whoever loses a race reads again.
 *
 * Run twice, or again after it was cut off anywhere, it finds the minutes as they are to be and adds nothing.
 *
 * @throws the last refusal when others were faster each time: the reports come again.
 */
export async function addCounts(
  ledger: LedgerTable,
  part: CountsPart,
  keptDays: number,
  tries = 1,
): Promise<void> {
  const { day, changes } = await changesBy(ledger, part);
  const items = itemsOf(ledger, changes, day, keptDays);
  if (items.length === 0) return;
  try {
    await ledger.client.send(new TransactWriteCommand({ TransactItems: items }));
  } catch (error) {
    if (tries >= mostTries || !lostRace(error)) throw error;
    await systemClock.sleep(backOff(tries));
    await addCounts(ledger, part, keptDays, tries + 1);
  }
}

async function changesBy(ledger: LedgerTable, part: CountsPart) {
  const [first] = part;
  const dayAddress = first && addressOf.day(dayNameOf(first));
  const minutes = part.map((row) => ({ row, address: addressOf.usage(row) }));
  const rows = await readRows(ledger, [
    ...(dayAddress ? [dayAddress] : []),
    ...minutes.map(({ address }) => address),
  ]);
  const changes = minutes.flatMap(({ row, address }): MinuteChange | readonly [] => {
    const found = rows.get(address);
    const before = found && readMinute(found);
    const after = withNewerCounts(before, row);
    return before && isSame(before, after) ? [] : { before, after };
  });
  const found = dayAddress && rows.get(dayAddress);
  return { changes, day: found && readDay(found) };
}

type Items = NonNullable<TransactWriteCommandInput['TransactItems']>;

function itemsOf(
  { table }: LedgerTable,
  changes: readonly MinuteChange[],
  day: DaySum | undefined,
  keptDays: number,
): Items {
  const added = withChanges(undefined, changes);
  const [first] = changes;
  if (!added || !first) return [];
  return [
    { Update: { TableName: table, ...dayUpdate(dayNameOf(first.after), added, day) } },
    ...changes.map(({ before, after }) => ({
      Put: { TableName: table, Item: { ...minuteRow(after, keptDays) }, ...onlyIf(asRead(before)) },
    })),
  ];
}

/**
 * Counts are added, so two who write at a time are not in each other's way for longer than their transactions. Times
 * only ever widen: whoever would move one back, because somebody else has moved it on since it was read, is refused.
 */
function dayUpdate(name: DayName, added: DaySum, known: DaySum | undefined) {
  const { ok, denied, firstUsedAt, lastUsedAt } = added;
  const first = !known || firstUsedAt < known.firstUsedAt;
  const last = !known || lastUsedAt > known.lastUsedAt;
  const set: Row = { type: 'day', ...name, ...(first && { firstUsedAt }), ...(last && { lastUsedAt }) };
  const conditions = [
    ...(first ? [either(absent('firstUsedAt'), compare('firstUsedAt', '>=', firstUsedAt))] : []),
    ...(last ? [either(absent('lastUsedAt'), compare('lastUsedAt', '<=', lastUsedAt))] : []),
  ];
  return {
    Key: { ...addressOf.day(name) },
    ...adding({ ok, denied }, set, conditions.length > 0 ? all(...conditions) : undefined),
  };
}

/** An update that adds numbers to what is there and sets whole fields. */
function adding(numbers: Readonly<Record<string, number>>, fields: Row, condition: Expression | undefined) {
  const added = Object.entries(numbers).map(([name, value]) => assigned(name, 'add', value));
  const set = Object.entries(fields).map(([name, value]) => assigned(name, 'set', value));
  return {
    UpdateExpression: `ADD ${textOf(added, ' ')} SET ${textOf(set, ' = ')}`,
    ...(condition && { ConditionExpression: condition.text }),
    ...placeholders(
      ...[...added, ...set].map(({ alias, placeholder, name, value }) => ({
        text: '',
        names: { [alias]: name },
        values: { [placeholder]: value },
      })),
      ...(condition ? [condition] : []),
    ),
  };
}

const assigned = (name: string, verb: string, value: unknown) => ({
  name,
  value,
  alias: `#${name}`,
  placeholder: `:${verb}_${name}`,
});

const textOf = (parts: readonly ReturnType<typeof assigned>[], between: string): string =>
  parts.map(({ alias, placeholder }) => `${alias}${between}${placeholder}`).join(', ');

const onlyIf = (condition: Expression) => ({
  ConditionExpression: condition.text,
  ...placeholders(condition),
});

/** Everything that the merge and the difference were made from. */
const asRead = (row: UsageRow | undefined): Expression =>
  row ? all(...merged.map((name) => equals(name, row[name]))) : absent('seq');

const merged = ['seq', 'ok', 'denied', 'firstUsedAt', 'lastUsedAt'] as const;

/** Of one `seq` the lists differ only with a sender that breaks the rules, and they are in no sum. */
const isSame = (a: UsageRow, b: UsageRow): boolean => merged.every((name) => a[name] === b[name]);

const dayNameOf = (row: UsageRow): DayName => ({
  credentialId: row.credentialId,
  day: dayOf(row),
  generation: row.generation,
  consumer: row.consumer,
});

const racing = new Set(['None', 'ConditionalCheckFailed', 'TransactionConflict']);

/** Only by others who write the same rows; a table that is too busy has to be left alone for longer. */
const lostRace = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  (error.CancellationReasons ?? []).every(({ Code = 'None' }) => racing.has(Code));

/** Seconds: 5 to 20 ms at first, up to a second at the end, at random, so that two do not meet again. */
const backOff = (tries: number): number =>
  Math.min(1, 0.02 * 2 ** (tries - 1)) * (0.25 + 0.75 * Math.random());
