/** What the queue accepts as a usage report, and what it says of everything else. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { KeyUse } from '../../lib/usage/report.ts';
import { parseUsageReport, reportLimits } from '../../lib/workflow/usage-report.ts';
import { fencesIn } from '../docs/markdown.ts';
import { aKeyUse, aReport } from '../usage/a-report.ts';

const parse = (report: unknown) => parseUsageReport(JSON.stringify(report));

const withUse = (use: Partial<KeyUse>) => aReport({ keys: [aKeyUse(use)] });

test('a report comes back as it was sent', () => {
  const report = aReport({ leaving: true });
  expect(parse(report)).toEqual({ ok: true, report });
});

test('a report of v1.1 says where calls came from and went to', () => {
  const sources = ['0123456789abcdef', 'f'.repeat(64)];
  const report = aReport({
    keys: [aKeyUse({ sources, destinations: ['registry.example.com', 'my_proxy', '10.0.0.7'] })],
  });
  expect(parse(report)).toEqual({ ok: true, report });
});

test('times of any precision are brought to milliseconds, since instants are compared as text', () => {
  expect(parse({ ...aReport(), sentAt: '2026-11-21T10:43:00Z' })).toMatchObject({
    report: { sentAt: '2026-11-21T10:43:00.000Z' },
  });
});

test('the examples of the documentation are reports', async () => {
  const page = await readFile(new URL('../../docs/usage-reports.md', import.meta.url), 'utf8');
  const examples = fencesIn(page, 'json').map(parseUsageReport);
  expect(examples).toHaveLength(2);
  for (const example of examples) expect(example).toMatchObject({ ok: true });
});

describe('is refused as malformed', () => {
  test.each([
    ['what is no JSON', '{', 'body: '],
    ['another version', { ...aReport(), v: 2 }, 'v: '],
    ['an unknown field', { ...aReport(), leavng: true }, 'leavng'],
    ['a consumer name that is too long', aReport({ consumer: 'x'.repeat(129) }), 'consumer: '],
    ['a name that would break a row key', aReport({ instance: 'one#two' }), 'instance: '],
    ['a credential that is no name', aReport({ credentials: ['NPM token'] }), 'credentials.0: '],
    ['more than 100 keys', aReport({ keys: Array(reportLimits.keys + 1).fill(aKeyUse()) }), 'keys: '],
    ['a negative count', aReport({ keys: [aKeyUse({ ok: -1 })] }), 'keys.0.ok: '],
    [
      'an address that is not hashed',
      withUse({ sources: ['10.0.0.7'] }),
      'keys.0.sources.0: expected 16 to 64',
    ],
    ['a hash in capitals', withUse({ sources: ['0123456789ABCDEF'] }), 'keys.0.sources.0: '],
    ['more than 50 sources', withUse({ sources: Array(51).fill('0'.repeat(16)) }), 'keys.0.sources: '],
    ['a destination with a path', withUse({ destinations: ['a.example/b'] }), 'keys.0.destinations.0: '],
    ['more than 20 destinations', withUse({ destinations: Array(21).fill('a') }), 'keys.0.destinations: '],
    [
      'a minute with seconds',
      aReport({ keys: [aKeyUse({ minute: '2026-11-21T10:42:00Z' })] }),
      'keys.0.minute: ',
    ],
    [
      'a use before its minute',
      withUse({ firstUsedAt: '2026-11-21T10:41:59.999Z' }),
      'keys.0.firstUsedAt: 2026-11-21T10:41:59.999Z lies before 2026-11-21T10:42:00.000Z',
    ],
    [
      'a use after its minute',
      withUse({ lastUsedAt: '2026-11-21T10:43:00Z' }),
      'keys.0.lastUsedAt: 2026-11-21T10:43:00.000Z lies after its minute 2026-11-21T10:42Z',
    ],
    [
      'a last use before the first',
      withUse({ firstUsedAt: '2026-11-21T10:42:30Z', lastUsedAt: '2026-11-21T10:42:29.999Z' }),
      'keys.0.lastUsedAt: 2026-11-21T10:42:29.999Z lies before 2026-11-21T10:42:30.000Z',
    ],
    [
      'a window that ends before it starts',
      aReport({ windowStart: '2026-11-21T10:43:00.001Z' }),
      'windowEnd: 2026-11-21T10:43:00.000Z lies before 2026-11-21T10:43:00.001Z',
    ],
    ['a time that does not exist', aReport({ sentAt: '2026-02-30T10:00:00.000Z' }), 'sentAt: '],
  ])('%s', (_, report, place) => {
    const parsed = typeof report === 'string' ? parseUsageReport(report) : parse(report);
    expect(parsed).toMatchObject({ ok: false, code: 'malformed', reason: expect.stringContaining(place) });
  });
});

test('a use may fill its minute, and a window may be empty', () => {
  const firstUsedAt = '2026-11-21T10:42:00.000Z';
  const report = {
    ...withUse({ firstUsedAt, lastUsedAt: '2026-11-21T10:42:59.999Z' }),
    windowStart: '2026-11-21T10:43:00.000Z',
  };
  expect(parse(report)).toEqual({ ok: true, report });
  expect(parse(withUse({ firstUsedAt, lastUsedAt: firstUsedAt })).ok).toBe(true);
});

test('a time more than five minutes after it was sent is refused by name', () => {
  const windowEnd = '2026-11-21T10:48:00.001Z';
  expect(parse(aReport({ windowEnd: '2026-11-21T10:48:00.000Z' })).ok).toBe(true);
  expect(parse(aReport({ windowEnd }))).toEqual({
    ok: false,
    code: 'from the future',
    reason: `windowEnd is ${windowEnd}, more than 300 s after sentAt 2026-11-21T10:43:00.000Z`,
  });
  const ahead = aKeyUse({ minute: '2026-11-21T10:48Z', firstUsedAt: windowEnd, lastUsedAt: windowEnd });
  expect(parse(aReport({ keys: [aKeyUse(), ahead] }))).toMatchObject({
    code: 'from the future',
    reason: expect.stringContaining('keys.1.lastUsedAt'),
  });
});

test('a body that is too long is not even read', () => {
  expect(parseUsageReport(' '.repeat(reportLimits.body + 1))).toMatchObject({ ok: false, code: 'too large' });
});
