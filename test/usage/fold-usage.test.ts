/** Taking reports off the queue: what is bad goes aside, what failed comes again, what is good counts once. */
import { describe, expect, test } from 'vitest';
import {
  credentialsAtOnce,
  type FoldUsagePorts,
  foldUsage,
  type QueuedReport,
} from '../../lib/usage/fold-usage.ts';
import type { UsageReport } from '../../lib/usage/report.ts';
import { parseUsageReport } from '../../lib/workflow/usage-report.ts';
import { memoryUsageBook } from '../fakes/memory-usage-book.ts';
import { aKeyUse, aReport, sentAt } from './a-report.ts';

function aQueue() {
  const usageBook = memoryUsageBook();
  usageBook.register('npm-token', new Map([['version-two', 2]]));
  usageBook.register('pypi-token', new Map([['version-pypi', 1]]));
  const counted: string[] = [];
  const metrics = {
    count: (name: string, { reason }: Readonly<Record<string, string>>) => counted.push(`${name} ${reason}`),
  };
  const ports: FoldUsagePorts = { usageBook, parseReport: parseUsageReport, metrics };
  return { usageBook, counted, ports };
}

const queued = (messageId: string, report: UsageReport | string): QueuedReport => ({
  messageId,
  senderId: 'AROAMIRROR:a-session',
  body: typeof report === 'string' ? report : JSON.stringify(report),
  sentTimestampMs: Date.parse(sentAt),
});

const pypi = aReport({ credentials: ['pypi-token'], keys: [], instance: 'another' });

test('good reports are in the book afterwards', async () => {
  const { ports, usageBook } = aQueue();
  const result = await foldUsage(ports, [queued('one', aReport()), queued('two', pypi)]);
  expect(result).toEqual({ failed: [], rejected: [], errors: [] });
  expect(await usageBook.presence('npm-token')).toHaveLength(1);
  expect(await usageBook.presence('pypi-token')).toHaveLength(1);
  expect(await usageBook.usage('npm-token', 2)).toMatchObject([{ ok: 120 }]);
});

test('a second delivery changes nothing', async () => {
  const { ports, usageBook } = aQueue();
  await foldUsage(ports, [queued('one', aReport())]);
  const rows = usageBook.rows();
  await foldUsage(ports, [queued('one', aReport()), queued('one', aReport())]);
  expect(usageBook.rows()).toEqual(rows);
});

test('a bad message is rejected with its reason, is counted, and blocks nothing', async () => {
  const { ports, usageBook, counted } = aQueue();
  const stranger = aReport({ seq: 5, keys: [aKeyUse(), aKeyUse({ versionId: 'a-stranger' })] });
  const result = await foldUsage(ports, [
    queued('bad', '{'),
    queued('good', aReport()),
    queued('half', stranger),
  ]);
  expect(result.failed).toEqual([]);
  expect(result.rejected).toMatchObject([
    { messageId: 'bad', code: 'malformed' },
    { messageId: 'half', code: 'unknown version' },
  ]);
  expect(counted).toEqual(['ReportRejected malformed', 'ReportRejected unknown version']);
  expect(await usageBook.presence('npm-token')).toMatchObject([{ seq: 5 }]);
});

test("a report in another consumer's name is counted by reason, kept, and counts as use only", async () => {
  const { ports, usageBook, counted } = aQueue();
  usageBook.register('npm-token', new Map([['version-two', 2]]), { mirror: 'AROAOTHER' });
  const { failed, rejected } = await foldUsage(ports, [queued('one', aReport())]);
  expect(failed).toEqual([]);
  expect(rejected).toMatchObject([{ messageId: 'one', code: 'foreign sender' }]);
  expect(counted).toEqual(['ReportRejected foreign sender']);
  expect(await usageBook.presence('npm-token')).toMatchObject([
    { consumer: 'mirror@AROAMIRROR', foreign: true },
  ]);
  expect(await usageBook.days('npm-token', '2026-11-21')).toMatchObject([
    { consumer: 'mirror@AROAMIRROR', ok: 120 },
  ]);
});

describe('a batch that names very many credentials', () => {
  /** Counts how many calls of one kind are under way, and the most that ever were. */
  function aCrowd() {
    const seen = { calls: 0, most: 0 };
    let underWay = 0;
    const counted = async <T>(work: () => Promise<T>): Promise<T> => {
      seen.calls += 1;
      underWay += 1;
      seen.most = Math.max(seen.most, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
      return work();
    };
    return { seen, counted };
  }
  const fiftyTimes100 = (name: string): readonly QueuedReport[] =>
    Array.from({ length: 50 }, (_, message) => {
      const credentials = Array.from({ length: 100 }, (_, one) => `${name}-${message}-${one}`);
      return queued(`message-${message}`, aReport({ credentials, keys: [] }));
    });

  test('never has more than a few lookups under way, though all 5,000 are made up', async () => {
    const { ports, usageBook } = aQueue();
    const { seen, counted } = aCrowd();
    const known: typeof usageBook.known = (id) => counted(() => usageBook.known(id));
    const result = await foldUsage({ ...ports, usageBook: { ...usageBook, known } }, fiftyTimes100('nobody'));
    expect(seen).toEqual({ calls: 5000, most: credentialsAtOnce });
    expect(result).toMatchObject({ failed: [], errors: [] });
    expect(result.rejected).toHaveLength(50);
  });

  test('never has more than a few credentials being written, though all 5,000 are there', async () => {
    const { ports, usageBook } = aQueue();
    const { seen, counted } = aCrowd();
    const known = async () => ({ generations: new Map(), senders: {} });
    const apply: typeof usageBook.apply = (updates) => counted(() => usageBook.apply(updates));
    await foldUsage({ ...ports, usageBook: { known, apply } }, fiftyTimes100('somebody'));
    expect(seen).toEqual({ calls: 5000, most: credentialsAtOnce });
  });
});

describe('a book that cannot be reached', () => {
  const down = new Error('throttled');

  test('fails the messages of the credential concerned and no others', async () => {
    const { ports, usageBook } = aQueue();
    const apply: typeof usageBook.apply = async (updates) => {
      if (updates.presence.some(({ credentialId }) => credentialId === 'npm-token')) throw down;
      await usageBook.apply(updates);
    };
    const result = await foldUsage({ ...ports, usageBook: { ...usageBook, apply } }, [
      queued('one', aReport()),
      queued('two', pypi),
    ]);
    expect(result).toEqual({ failed: ['one'], rejected: [], errors: [down] });
    expect(await usageBook.presence('pypi-token')).toHaveLength(1);
  });

  test('does not make its messages look bad', async () => {
    const { ports, usageBook, counted } = aQueue();
    const known = () => Promise.reject(down);
    const result = await foldUsage({ ...ports, usageBook: { ...usageBook, known } }, [
      queued('one', aReport()),
      queued('bad', '{}'),
    ]);
    expect(result).toMatchObject({ failed: ['one'], rejected: [{ messageId: 'bad' }], errors: [down] });
    expect(counted).toEqual(['ReportRejected malformed']);
  });
});
