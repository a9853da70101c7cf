/** How reports become rows: exact under duplicates, disorder, and clocks that are wrong. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldReports, type ReportMessage } from '../../lib/usage/fold.ts';
import { plus } from '../../lib/usage/instant.ts';
import type { UsageReport } from '../../lib/usage/report.ts';
import { usageShard } from '../../lib/usage/shard.ts';
import { memoryUsageBook } from '../fakes/memory-usage-book.ts';
import { aKeyUse, aReport, sentAt } from './a-report.ts';

const known = new Map([
  [
    'npm-token',
    new Map([
      ['version-one', 1],
      ['version-two', 2],
    ]),
  ],
  ['pypi-token', new Map([['version-pypi', 1]])],
]);

const received = (
  report: UsageReport,
  secondsLater = 0,
  messageId = `message-${report.seq}`,
): ReportMessage => ({
  messageId,
  report,
  sentTimestampMs: Date.parse(sentAt) + secondsLater * 1000,
});

const fold = (...messages: readonly ReportMessage[]) => foldReports(messages, known);

describe('one report', () => {
  test('becomes a presence row for each credential and a usage row for each minute', () => {
    const { presence, usage, rejected } = fold(received(aReport()));
    expect(rejected).toEqual([]);
    expect(presence).toEqual([
      {
        credentialId: 'npm-token',
        consumer: 'mirror',
        instance: aReport().instance,
        seq: 4,
        windowEnd: sentAt,
        lastSeen: sentAt,
        leftAt: null,
        holds: ['version-two'],
        lastUse: { 'version-two': '2026-11-21T10:42:59.000Z' },
      },
    ]);
    expect(usage).toMatchObject([{ generation: 2, minute: '2026-11-21T10:42Z', ok: 120, denied: 1, seq: 4 }]);
    expect(usage[0]?.shard).toBe(usageShard('mirror', aReport().instance));
  });

  test('makes an idle process present', () => {
    const { presence, usage } = fold(received(aReport({ keys: [], holds: [] })));
    expect(presence).toMatchObject([{ credentialId: 'npm-token', lastUse: {} }]);
    expect(usage).toEqual([]);
  });

  test('that says goodbye leaves at the end of its window', () => {
    expect(fold(received(aReport({ leaving: true }))).presence).toMatchObject([{ leftAt: sentAt }]);
  });

  test('counts a credential that only its uses name', () => {
    const keys = [aKeyUse({ credential: 'pypi-token', versionId: 'version-pypi' })];
    const { presence } = fold(received(aReport({ keys })));
    expect(presence.map(({ credentialId }) => credentialId)).toEqual(['npm-token', 'pypi-token']);
  });

  test('repeats a last use without counting it again', () => {
    const before = aKeyUse({
      versionId: 'version-one',
      minute: '2026-11-21T10:01Z',
      lastUsedAt: '2026-11-21T10:01:00.000Z',
    });
    const { presence, usage } = fold(received(aReport({ keys: [before, aKeyUse()] })));
    expect(presence).toMatchObject([{ lastUse: { 'version-one': '2026-11-21T10:01:00.000Z' } }]);
    expect(usage.map(({ generation }) => generation)).toEqual([2]);
  });
});

describe("a client's clock", () => {
  test.each([-3600, 5, 86_400])('that is off by %i s changes no time', (off) => {
    const report = aReport({
      sentAt: plus(sentAt, off),
      windowStart: plus(aReport().windowStart, off),
      windowEnd: plus(sentAt, off),
      keys: [
        aKeyUse({
          firstUsedAt: plus(aKeyUse().firstUsedAt, off),
          lastUsedAt: plus(aKeyUse().lastUsedAt, off),
        }),
      ],
    });
    expect(fold(received(report))).toEqual(fold(received(aReport())));
  });

  test('cannot claim silence, or use, for the time after the report', () => {
    const report = aReport({
      windowEnd: plus(sentAt, 200),
      keys: [aKeyUse({ lastUsedAt: plus(sentAt, 100) })],
    });
    expect(fold(received(report)).presence).toMatchObject([
      { windowEnd: sentAt, lastUse: { 'version-two': sentAt } },
    ]);
  });

  test('does not move counts to another minute, whatever the way to the queue took', () => {
    const minutes = [0, 30, 90].map((later) => fold(received(aReport(), later)).usage[0]?.minute);
    expect(minutes).toEqual(Array(3).fill('2026-11-21T10:42Z'));
  });
});

describe('a batch', () => {
  test('is merged: the highest seq wins, the latest use stays', () => {
    const older = received(
      aReport({
        seq: 3,
        holds: ['version-one'],
        keys: [aKeyUse({ versionId: 'version-one', ok: 7 }), aKeyUse({ ok: 90 })],
      }),
    );
    const newer = received(aReport({ seq: 4 }));
    for (const batch of [
      [older, newer],
      [newer, older],
      [newer, older, newer],
    ]) {
      const { presence, usage } = fold(...batch);
      expect(presence).toMatchObject([{ seq: 4, holds: ['version-two'] }]);
      expect(Object.keys(presence[0]?.lastUse ?? {})).toHaveLength(2);
      expect(usage.find(({ generation }) => generation === 2)).toMatchObject({ seq: 4, ok: 120 });
      expect(usage.find(({ generation }) => generation === 1)).toMatchObject({ seq: 3, ok: 7 });
    }
  });

  test('leaves the same rows however it is cut, repeated and shuffled', async () => {
    const sent = Array.from({ length: 12 }, (_, seq) => {
      const minute = `2026-11-21T10:4${Math.floor(seq / 4)}Z`;
      const used = plus('2026-11-21T10:40:00.000Z', seq * 15);
      const key = aKeyUse({ minute, ok: ((seq % 4) + 1) * 10, firstUsedAt: used, lastUsedAt: used });
      return received(aReport({ seq, windowStart: '2026-11-21T10:40:00.000Z', keys: [key] }), seq % 3);
    });
    const rowsAfter = async (batches: readonly (readonly ReportMessage[])[]) => {
      const book = memoryUsageBook();
      for (const batch of batches) await book.apply(foldReports(batch, known));
      return {
        presence: await book.presence('npm-token'),
        usage: (await book.usage('npm-token', 2)).toSorted((a, b) => (a.minute < b.minute ? -1 : 1)),
      };
    };
    const inOrder = await rowsAfter(sent.map((message) => [message]));
    expect(inOrder.usage.reduce((sum, { ok }) => sum + ok, 0)).toBe(120);
    const disorder = fc
      .tuple(
        fc.shuffledSubarray(sent, { minLength: sent.length }),
        fc.array(fc.constantFrom(...sent), { maxLength: 8 }),
        fc.integer({ min: 1, max: 6 }),
      )
      .map(([all, twice, size]) => {
        const messages = [...twice, ...all];
        return Array.from({ length: Math.ceil(messages.length / size) }, (_, i) =>
          messages.slice(i * size, (i + 1) * size),
        );
      });
    await fc.assert(
      fc.asyncProperty(disorder, async (batches) => {
        expect(await rowsAfter(batches)).toEqual(inOrder);
      }),
    );
  });
});

describe('what keyturn does not know', () => {
  test('a version is rejected by name, and the rest of the message counts', () => {
    const keys = [aKeyUse(), aKeyUse({ versionId: 'a-stranger' })];
    const { presence, usage, rejected } = fold(received(aReport({ keys })));
    expect(rejected).toEqual([
      {
        messageId: 'message-4',
        code: 'unknown version',
        reason: 'version a-stranger is no key of credential npm-token: consumer mirror has used it',
      },
    ]);
    expect(usage).toHaveLength(1);
    expect(presence[0]?.lastUse).not.toHaveProperty('a-stranger');
  });

  test('a credential is rejected by name, and the others of the message count', () => {
    const { presence, rejected } = fold(received(aReport({ credentials: ['npm-token', 'nobody', 'none'] })));
    expect(presence).toHaveLength(1);
    expect(rejected).toMatchObject([{ code: 'unknown credential' }]);
    expect(rejected[0]?.reason).toBe(
      'credential nobody is not registered: consumer mirror reports on it (and 1 more like it)',
    );
  });
});

test('processes are spread over all shards', () => {
  const counts = Map.groupBy(
    Array.from({ length: 16_000 }, (_, i) => usageShard('mirror', `process-${i}`)),
    (shard) => shard,
  );
  expect(counts.size).toBe(16);
  for (const { length } of counts.values()) expect(length).toBeGreaterThan(500);
});
