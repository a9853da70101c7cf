/** How reports become rows: whose they are, what counts, and clocks that are wrong. */
import { describe, expect, test } from 'vitest';
import { foldReports } from '../../lib/usage/fold.ts';
import { plus } from '../../lib/usage/instant.ts';
import type { UsageReport } from '../../lib/usage/report.ts';
import type { ReportMessage } from '../../lib/usage/report-message.ts';
import { usageShard } from '../../lib/usage/shard.ts';
import { countsReachOf, type KnownCredential } from '../../lib/usage/usage-book.ts';
import { aKeyUse, aReport, sentAt } from './a-report.ts';

const npmToken: KnownCredential = {
  generations: new Map([
    ['version-one', 1],
    ['version-two', 2],
  ]),
  senders: {},
};
const pypiToken: KnownCredential = { generations: new Map([['version-pypi', 1]]), senders: {} };
const known = new Map([
  ['npm-token', npmToken],
  ['pypi-token', pypiToken],
]);

const received = (
  report: UsageReport,
  secondsLater = 0,
  senderId = 'AROAMIRROR:a-session',
): ReportMessage => ({
  messageId: `message-${report.seq}`,
  report,
  senderId,
  sentTimestampMs: Date.parse(sentAt) + secondsLater * 1000,
});

const reach = countsReachOf(15);
const fold = (...messages: readonly ReportMessage[]) => foldReports(messages, known, reach);

describe('one report', () => {
  test('says where its calls came from and went to', () => {
    const v11 = { sources: ['0123456789abcdef'], destinations: ['registry.example.com'] };
    expect(fold(received(aReport({ keys: [aKeyUse(v11)] }))).usage).toMatchObject([v11]);
    expect(fold(received(aReport())).usage[0]).not.toHaveProperty('sources');
  });

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
});

describe('a role that is declared for a consumer', () => {
  const guarded: KnownCredential = { ...npmToken, senders: { mirror: 'AROAMIRROR', nightly: null } };
  const from = (senderId: string, report = aReport()) =>
    foldReports([received(report, 0, senderId)], new Map([...known, ['npm-token', guarded]]), reach);

  test('has its reports counted, whatever its session is called', () => {
    const { presence, rejected } = from('AROAMIRROR:another-session');
    expect(presence).toMatchObject([{ consumer: 'mirror', holds: ['version-two'] }]);
    expect(presence[0]).not.toHaveProperty('foreign');
    expect(rejected).toEqual([]);
  });

  test('makes the report of any other sender that of a stranger: use, but no presence and no silence', () => {
    const { presence, usage, rejected } = from('AROAOTHER:mirror', aReport({ leaving: true }));
    expect(presence).toEqual([
      {
        credentialId: 'npm-token',
        consumer: 'mirror@AROAOTHER',
        instance: aReport().instance,
        seq: 4,
        windowEnd: sentAt,
        lastSeen: sentAt,
        leftAt: null,
        holds: [],
        foreign: true,
        lastUse: { 'version-two': '2026-11-21T10:42:59.000Z' },
      },
    ]);
    expect(usage).toMatchObject([{ consumer: 'mirror@AROAOTHER', ok: 120 }]);
    expect(rejected).toEqual([
      {
        messageId: 'message-4',
        code: 'foreign sender',
        reason:
          'consumer mirror reports on credential npm-token as AROAOTHER, but its role has the id AROAMIRROR: report with that role, or declare the one that it runs as; its uses count as those of mirror@AROAOTHER',
      },
    ]);
  });

  test('is not fooled by a sender whose name only begins alike, or stands in the session', () => {
    for (const senderId of ['AROAMIRROR2:x', 'AROAMIRRO', 'AIDAUSER:AROAMIRROR', ':AROAMIRROR', ''])
      expect(from(senderId).presence).toMatchObject([{ foreign: true, holds: [] }]);
  });

  test('has no say for a stranger that has used nothing: there is no row', () => {
    const { presence, usage, rejected } = from('AROAOTHER:x', aReport({ keys: [] }));
    expect([presence, usage]).toEqual([[], []]);
    expect(rejected).toMatchObject([{ code: 'foreign sender' }]);
  });

  test('that IAM does not know lets nobody speak, and says what to do', () => {
    const { presence, rejected } = from('AROAANY:x', aReport({ consumer: 'nightly' }));
    expect(presence).toMatchObject([{ consumer: 'nightly@AROAANY', foreign: true }]);
    expect(rejected[0]?.reason).toContain('IAM knows no role as it is declared: correct `role`');
  });

  test('is no concern of consumers without one, nor of credentials that do not declare it', () => {
    expect(from('AROAANY:x', aReport({ consumer: 'worker' })).rejected).toEqual([]);
    const both = aReport({ credentials: ['npm-token', 'pypi-token'], holds: ['version-pypi'] });
    const { presence } = from('AROAOTHER:x', both);
    expect(presence.map(({ credentialId, consumer }) => [credentialId, consumer])).toEqual([
      ['npm-token', 'mirror@AROAOTHER'],
      ['pypi-token', 'mirror'],
    ]);
  });

  test('is no concern of a consumer whose name is one of JavaScript', () => {
    expect(from('AROAANY:x', aReport({ consumer: 'constructor' })).rejected).toEqual([]);
  });

  test('gives a stranger a name that fits into the key of a row', () => {
    const { presence } = from(`${'A#b'.repeat(100)}:x`);
    expect(presence[0]?.consumer).toMatch(/^mirror@[A-Za-z0-9_]{64}$/);
  });
});

describe('counts that come so late that their minute may have expired', () => {
  const usedBefore = (seconds: number) =>
    aReport({
      windowStart: plus(sentAt, -40 * 86_400),
      keys: [aKeyUse({ firstUsedAt: plus(sentAt, -seconds), lastUsedAt: plus(sentAt, -seconds) })],
    });

  test('are not counted, but their last use is, and the message says so', () => {
    const { presence, usage, rejected } = fold(received(usedBefore(reach + 1)));
    expect(usage).toEqual([]);
    expect(presence).toMatchObject([{ lastUse: { 'version-two': plus(sentAt, -reach - 1) } }]);
    expect(rejected).toMatchObject([
      { code: 'too old', reason: expect.stringContaining('2026-11-21T10:42Z') },
    ]);
  });

  test('are counted up to a limit that the longest wait in the queue cannot turn into a second count', () => {
    expect(fold(received(usedBefore(reach))).usage).toHaveLength(1);
    const days = 86_400;
    for (const kept of [15, 30, 400]) expect(countsReachOf(kept) + 14 * days).toBeLessThan(kept * days);
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
      'credential nobody is not registered: consumer mirror reports on it (and 1 more)',
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
