/** A usage report as a healthy consumer sends it, for tests that name only what they are about. */
import type { KeyUse, UsageReport } from '../../lib/usage/report.ts';

export const sentAt = '2026-11-21T10:43:00.000Z';

export function aReport(overrides: Partial<UsageReport> = {}): UsageReport {
  return {
    v: 1,
    consumer: 'mirror',
    instance: '7d1c5a0e-7f0f-4c36-9d0b-0c9b1d4f6a11',
    seq: 4,
    sentAt,
    windowStart: '2026-11-21T10:42:00.000Z',
    windowEnd: sentAt,
    credentials: ['npm-token'],
    holds: ['version-two'],
    keys: [aKeyUse()],
    ...overrides,
  };
}

export function aKeyUse(overrides: Partial<KeyUse> = {}): KeyUse {
  return {
    credential: 'npm-token',
    versionId: 'version-two',
    minute: '2026-11-21T10:42Z',
    ok: 120,
    denied: 1,
    firstUsedAt: '2026-11-21T10:42:00.000Z',
    lastUsedAt: '2026-11-21T10:42:59.000Z',
    ...overrides,
  };
}
