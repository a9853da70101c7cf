/** The bench's reports: the client library's own, with every use in them. */
import { describe, expect, it } from 'vitest';
import { reportsOf, usesOf } from '../../bench/fleet.ts';
import { parseUsageReport } from '../../lib/workflow/usage-report.ts';

const key = { credentialId: 'npm-token', versionId: 'version-two', consumer: 'mirror' };
const from = '2001-03-02T08:00:00.000Z';
const fleet = { instances: 3, usesPerSecond: 4, reportEvery: 30, seconds: 95 };

describe('the reports of a fleet', () => {
  it('are such as keyturn reads, three and a goodbye of each process', async () => {
    const reports = await reportsOf(fleet, key, from);
    expect(reports).toHaveLength(3 * 4);
    for (const { body } of reports) expect(parseUsageReport(body)).toMatchObject({ ok: true });
  });

  it('come in the order of their times, and processes take turns', async () => {
    const reports = await reportsOf(fleet, key, from);
    const times = reports.map(({ sentTimestampMs }) => sentTimestampMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(new Set(times).size).toBe(times.length);
  });

  it('count every use once, when the newest counts of each minute are taken', async () => {
    const counts = new Map<string, number>();
    for (const { body } of await reportsOf(fleet, key, from)) {
      const parsed = parseUsageReport(body);
      if (!parsed.ok) throw new Error(parsed.reason);
      const { instance, keys } = parsed.report;
      for (const { minute, ok } of keys) counts.set(`${instance} ${minute}`, ok);
    }
    const all = [...counts.values()].reduce((sum, ok) => sum + ok, 0);
    expect(all).toBe(usesOf(fleet));
    expect(all).toBe(1140);
  });

  it('leave the clock as it was', async () => {
    const before = Date.now();
    await reportsOf(fleet, key, from);
    expect(Date.now()).toBeGreaterThanOrEqual(before);
  });
});
