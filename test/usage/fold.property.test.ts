/** Whatever is lost, repeated, shuffled or cut into batches: the same reports leave the same ledger. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldReports } from '../../lib/usage/fold.ts';
import { plus } from '../../lib/usage/instant.ts';
import type { KeyUse, UsageReport } from '../../lib/usage/report.ts';
import type { ReportMessage } from '../../lib/usage/report-message.ts';
import { countsReachOf, type KnownCredential, type UsageRow } from '../../lib/usage/usage-book.ts';
import { type MemoryUsageBook, memoryUsageBook } from '../fakes/memory-usage-book.ts';

const generations = new Map([
  ['version-one', 1],
  ['version-two', 2],
]);
const known = new Map<string, KnownCredential>([
  ['npm-token', { generations, senders: { mirror: 'AROAMIRROR', nightly: null } }],
  ['pypi-token', { generations, senders: {} }],
]);
const start = '2026-11-20T23:57:00.000Z';

const seconds = fc.integer({ min: 0, max: 400 });

/** Around midnight, so that there are two days. */
const keyUse: fc.Arbitrary<KeyUse> = fc
  .record({
    credential: fc.constantFrom('npm-token', 'pypi-token', 'unknown-token'),
    versionId: fc.constantFrom('version-one', 'version-two', 'version-unknown'),
    ok: fc.nat(50),
    denied: fc.nat(3),
    used: fc.tuple(seconds, seconds),
    sources: fc.option(fc.constantFrom(['0123456789abcdef'], ['fedcba9876543210']), { nil: undefined }),
  })
  .map(({ used: [a, b], sources, ...use }) => {
    const [first, last] = [plus(start, Math.min(a, b)), plus(start, Math.max(a, b))];
    const minute = `${last.slice(0, 16)}Z`;
    return { ...use, minute, firstUsedAt: first, lastUsedAt: last, ...(sources && { sources }) };
  });

/** Senders that keep the rules and senders that do not: a `seq` may come back with another report. */
const report: fc.Arbitrary<UsageReport> = fc
  .record({
    consumer: fc.constantFrom('mirror', 'nightly', 'worker'),
    instance: fc.constantFrom('one', 'two'),
    seq: fc.nat(6),
    window: fc.tuple(seconds, seconds),
    leaving: fc.boolean(),
    holds: fc.subarray(['version-one', 'version-two']),
    keys: fc.array(keyUse, { maxLength: 5 }),
  })
  .map(({ window: [a, b], leaving, ...rest }) => ({
    v: 1,
    ...rest,
    sentAt: plus(start, 400),
    windowStart: plus(start, Math.min(a, b)),
    windowEnd: plus(start, Math.max(a, b)),
    ...(leaving && { leaving }),
    credentials: ['npm-token'],
  }));

const sentTimestampMs = fc.integer({ min: 0, max: 2_000 }).map((late) => Date.parse(plus(start, 400)) + late);

const message: fc.Arbitrary<ReportMessage> = fc.record({
  messageId: fc.uuid(),
  report,
  senderId: fc.constantFrom('AROAMIRROR:session', 'AROAOTHER:session'),
  sentTimestampMs,
});

/** Some are sent once more, because their acknowledgement was lost: the queue then has the same report twice. */
const allSent = fc
  .array(message, { minLength: 1, maxLength: 25 })
  .chain((once) =>
    fc
      .array(fc.tuple(fc.constantFrom(...once), sentTimestampMs), { maxLength: 8 })
      .map((again) => [...once, ...again.map(([first, late]) => ({ ...first, sentTimestampMs: late }))]),
  );

/** All of them, some delivered twice, in some order and in some batches. */
const deliveries = allSent.chain((sent) =>
  fc.record({
    sent: fc.constant(sent),
    order: fc.shuffledSubarray(sent, { minLength: sent.length }),
    again: fc.array(fc.constantFrom(...sent), { maxLength: 10 }),
    sizes: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 8 }),
  }),
);

interface Delivery {
  readonly order: readonly ReportMessage[];
  readonly again: readonly ReportMessage[];
  readonly sizes: readonly number[];
}

function batchesOf({ order, again, sizes }: Delivery): readonly (readonly ReportMessage[])[] {
  const rest = [...order.slice(0, 3), ...again, ...order];
  const batches: ReportMessage[][] = [];
  for (let turn = 0; rest.length > 0; turn += 1)
    batches.push(rest.splice(0, sizes[turn % sizes.length] ?? 1));
  return batches;
}

const fold = (messages: readonly ReportMessage[]) => foldReports(messages, known, countsReachOf(15));

const sorted = (rows: readonly unknown[]): readonly string[] =>
  rows
    .map((row) =>
      JSON.stringify(
        Object.entries(row ?? {})
          .sort()
          .map(sortedInside),
      ),
    )
    .sort();
const sortedInside = ([name, value]: [string, unknown]) =>
  name === 'lastUse' ? [name, Object.entries(value ?? {}).sort()] : [name, value];

async function bookAfter(batches: readonly (readonly ReportMessage[])[]): Promise<MemoryUsageBook> {
  const book = memoryUsageBook();
  for (const batch of batches) await book.apply(fold(batch));
  return book;
}

test('any duplication, any order and any cut into batches leave the same rows', async () => {
  await fc.assert(
    fc.asyncProperty(deliveries, async ({ sent, ...delivery }) => {
      const inOne = await bookAfter([sent]);
      const otherwise = await bookAfter(batchesOf(delivery));
      expect(sorted(otherwise.rows())).toEqual(sorted(inOne.rows()));
    }),
    { numRuns: 300 },
  );
});

test('batches that are applied at the same time leave the same rows as one after the other', async () => {
  await fc.assert(
    fc.asyncProperty(deliveries, fc.scheduler(), async ({ sent, ...delivery }, scheduler) => {
      const book = memoryUsageBook();
      const apply = scheduler.scheduleFunction((updates: ReturnType<typeof fold>) => book.apply(updates));
      const applied = Promise.all(batchesOf(delivery).map((batch) => apply(fold(batch))));
      await scheduler.waitAll();
      await applied;
      expect(sorted(book.rows())).toEqual(sorted((await bookAfter([sent])).rows()));
    }),
    { numRuns: 100 },
  );
});

test('a day is the sum of its minutes, consumer by consumer and key by key', async () => {
  await fc.assert(
    fc.asyncProperty(deliveries, async ({ order, again, sizes }) => {
      const book = await bookAfter(batchesOf({ order, again, sizes }));
      for (const credentialId of known.keys()) {
        const days = await book.days(credentialId, '');
        const perKey = await Promise.all([1, 2].map((generation) => book.usage(credentialId, generation)));
        const minutes = Map.groupBy(perKey.flat(), dayNameOf);
        expect(days).toHaveLength(minutes.size);
        for (const day of days) {
          const rows = minutes.get([day.day, day.generation, day.consumer].join(' ')) ?? [];
          expect(day).toMatchObject({
            ok: sum(rows, 'ok'),
            denied: sum(rows, 'denied'),
            firstUsedAt: rows.map(({ firstUsedAt }) => firstUsedAt).sort()[0],
            lastUsedAt: rows
              .map(({ lastUsedAt }) => lastUsedAt)
              .sort()
              .at(-1),
          });
        }
      }
    }),
    { numRuns: 200 },
  );
});

const dayNameOf = ({ minute, generation, consumer }: UsageRow): string =>
  [minute.slice(0, 10), generation, consumer].join(' ');

const sum = (rows: readonly UsageRow[], field: 'ok' | 'denied'): number =>
  rows.reduce((total, row) => total + row[field], 0);

test('counts are those of the newest report on each minute, when senders keep the rules', async () => {
  const growing = fc
    .array(fc.nat(20), { minLength: 1, maxLength: 6 })
    .map((added) => added.map((_, seq) => growingReport(seq, added.slice(0, seq + 1))))
    .chain((reports) =>
      fc.record({
        newest: fc.constant(reports.at(-1)?.report.keys[0]?.ok),
        shuffled: fc.shuffledSubarray(reports, { minLength: reports.length }),
      }),
    );
  await fc.assert(
    fc.asyncProperty(growing, async ({ newest, shuffled }) => {
      const book = await bookAfter(shuffled.map((one) => [one]));
      expect(await book.days('npm-token', '')).toMatchObject([{ ok: newest }]);
    }),
  );
});

function growingReport(seq: number, added: readonly number[]): ReportMessage {
  const at = plus(start, 60);
  const now = plus(start, 120 + seq);
  const ok = added.reduce((a, b) => a + b, 0);
  const use = { credential: 'npm-token', versionId: 'version-two', ok, denied: 0 };
  const keys = [{ ...use, minute: `${at.slice(0, 16)}Z`, firstUsedAt: at, lastUsedAt: at }];
  const times = { sentAt: now, windowStart: start, windowEnd: now };
  const base = { v: 1, consumer: 'worker', instance: 'one', credentials: [], holds: [] } as const;
  return {
    messageId: `${seq}`,
    report: { ...base, seq, ...times, keys },
    senderId: 'AROAANY:session',
    sentTimestampMs: Date.parse(now),
  };
}
