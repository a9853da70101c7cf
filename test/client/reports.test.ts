/** What the client tells keyturn: complete, cumulative, once per interval, and never a key. */
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import type * as client from '../../lib/client/report.ts';
import { foldReports } from '../../lib/usage/fold.ts';
import type * as core from '../../lib/usage/report.ts';
import { parseUsageReport } from '../../lib/workflow/usage-report.ts';
import { holdsSecret } from '../support/expect-no-secret.ts';
import { anIssuer, aWorld, secretId, versionOf } from './a-world.ts';

const npm = { id: 'npm-token', secretId };

beforeEach(() => void vi.useFakeTimers({ now: new Date('2026-11-21T10:00:00.000Z') }));
afterEach(() => void vi.useRealTimers());

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);

test('the library writes the format that keyturn reads', () => {
  expectTypeOf<client.UsageReport>().toEqualTypeOf<core.UsageReport>();
  expectTypeOf<client.KeyUse>().toEqualTypeOf<core.KeyUse>();
});

describe('a report', () => {
  test('is sent once per interval, whatever the traffic, and passes the reader', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    for (let use = 0; use < 1_000; use += 1) await credential.use(anIssuer(1).call);
    await seconds(60);
    expect(world.bodies()).toHaveLength(1);
    expect(parseUsageReport(world.bodies()[0] ?? '')).toMatchObject({
      ok: true,
      report: {
        consumer: 'mirror',
        seq: 0,
        windowStart: '2026-11-21T10:00:00.000Z',
        windowEnd: '2026-11-21T10:01:00.000Z',
        credentials: ['npm-token'],
        holds: [versionOf(1)],
        keys: [{ versionId: versionOf(1), minute: '2026-11-21T10:00Z', ok: 1_000, denied: 0 }],
      },
    });
  });

  test('beats on when the process is idle, repeats the last use, and lets go of the key', async () => {
    const world = aWorld();
    await world.client.credential(npm).use(anIssuer(1).call);
    await seconds(300);
    const [first, , third, , fifth] = world.reports();
    expect(third?.keys).toEqual(first?.keys);
    expect(third).toMatchObject({ seq: 2, windowStart: '2026-11-21T10:02:00.000Z', holds: [versionOf(1)] });
    expect(fifth?.holds).toEqual([]);
  });

  test('counts refusals apart, and a call that throws as a use without outcome', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    await credential.use(anIssuer().call);
    await seconds(10);
    await credential.use(() => Promise.reject(new Error('down'))).catch(() => undefined);
    await world.client.flush();
    expect(world.reports()[0]?.keys).toMatchObject([
      { ok: 0, denied: 1, firstUsedAt: '2026-11-21T10:00:00.000Z', lastUsedAt: '2026-11-21T10:00:10.000Z' },
    ]);
  });

  test('shows a use, and the key as held, while the call is still running', async () => {
    const world = aWorld({ cacheFor: 1, keepFor: 2 });
    const call = Promise.withResolvers<string>();
    const use = world.client.credential(npm).use(() => call.promise);
    await seconds(120);
    expect(world.reports().at(-1)).toMatchObject({ holds: [versionOf(1)], keys: [{ ok: 0, denied: 0 }] });
    call.resolve('done');
    await use;
    await seconds(60);
    expect(world.reports().at(-1)).toMatchObject({
      holds: [],
      keys: [{ minute: '2026-11-21T10:02Z', ok: 1 }],
    });
  });

  test('repeats the last use of the old key after the new one has taken over', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    await credential.use(anIssuer(1).call);
    world.promote(2);
    for (let minute = 0; minute < 30; minute += 1) {
      await seconds(60);
      await credential.use(anIssuer(1, 2).call);
    }
    await world.client.flush();
    const last = world.reports().at(-1);
    expect(last?.keys.map(({ versionId }) => versionId)).toContain(versionOf(1));
    expect(last?.holds).toEqual([versionOf(2)]);
    expect(last?.keys.length).toBeLessThanOrEqual(3);
  });

  test('is not sent by a process that resolves nothing, or that has no queue', async () => {
    const world = aWorld();
    await seconds(120);
    expect(world.bodies()).toEqual([]);
  });

  test('is sent only when asked to with reportEvery 0', async () => {
    const world = aWorld({ reportEvery: 0 });
    await world.client.credential(npm).key();
    await seconds(600);
    expect(world.bodies()).toEqual([]);
    await world.client.flush();
    expect(world.bodies()).toHaveLength(1);
  });

  test('never holds a key', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    await credential.use(anIssuer(1).call);
    await world.client.leave();
    expect(holdsSecret(world.bodies())).toBe(false);
    expect(holdsSecret(world.events)).toBe(false);
  });
});

describe('when the queue is down', () => {
  const down = Object.assign(new Error('no route'), { name: 'TimeoutError' });

  test('counts go with the next report that gets through, and one line says so', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    world.queue.on(SendMessageCommand).rejects(down);
    for (let minute = 0; minute < 10; minute += 1) {
      await credential.use(anIssuer(1).call);
      await seconds(60);
    }
    expect(world.errors).toHaveLength(1);
    expect(world.errors[0]).toMatchObject({ name: 'ReportNotSent', cause: down });
    world.queue.on(SendMessageCommand).resolves({});
    await seconds(60);
    const last = world.reports().at(-1);
    expect(last).toMatchObject({ seq: 10, windowStart: '2026-11-21T10:00:00.000Z' });
    expect(last?.keys.reduce((sum, { ok }) => sum + ok, 0)).toBe(10);
  });

  test('a second outage is told again', async () => {
    const world = aWorld();
    world.client.credential(npm);
    for (const outage of [1, 2]) {
      world.queue.on(SendMessageCommand).rejects(down);
      await seconds(120);
      expect(world.errors).toHaveLength(outage);
      world.queue.on(SendMessageCommand).resolves({});
      await seconds(60);
    }
  });

  test('for a day, memory stays bounded and the rest arrives piece by piece', async () => {
    const world = aWorld({ reportEvery: 0, cacheFor: 3600 });
    const credential = world.client.credential(npm);
    for (let minute = 0; minute < 1_440; minute += 1) {
      await credential.use(anIssuer(1).call);
      await seconds(60);
    }
    await world.client.leave();
    expect(folded(world.reports()).usage).toHaveLength(1_000);
    expect(Math.max(...world.reports().map(({ keys }) => keys.length))).toBe(100);
  });
});

describe('leaving', () => {
  test('says goodbye after the last call has ended, and is the end', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    const call = Promise.withResolvers<string>();
    const use = credential.use(() => call.promise);
    const left = world.client.leave();
    await seconds(5);
    expect(world.bodies()).toEqual([]);
    call.resolve('done');
    await Promise.all([use, left]);
    expect(world.reports()).toMatchObject([{ leaving: true, keys: [{ ok: 1 }] }]);
    await expect(credential.key()).rejects.toMatchObject({ name: 'ClientMisused' });
    await seconds(600);
    expect(world.bodies()).toHaveLength(1);
  });

  test('with the queue down does not hold up the process', async () => {
    const world = aWorld();
    world.client.credential(npm);
    world.queue.on(SendMessageCommand).rejects(new Error('down'));
    await world.client.leave();
    expect(world.errors).toHaveLength(1);
  });
});

test('whatever is lost or comes twice, what keyturn folds is what was called', async () => {
  const world = aWorld();
  const credential = world.client.credential(npm);
  for (let step = 0; step < 200; step += 1) {
    if (step === 90) world.promote(2);
    if (step % 7 === 0) world.queue.on(SendMessageCommand).rejectsOnce(new Error('down'));
    await credential.use(anIssuer(1, 2).call);
    await seconds(13);
  }
  await world.client.leave();
  // the mock keeps messages that it refused, as SQS may keep one whose answer was lost; each also comes twice
  const messages = world.reports().flatMap((report) => [report, report]);
  const { usage, presence } = folded(messages.toReversed());
  expect(usage.reduce((sum, { ok }) => sum + ok, 0)).toBe(200);
  expect(Object.keys(presence[0]?.lastUse ?? {})).toEqual(
    expect.arrayContaining([versionOf(1), versionOf(2)]),
  );
});

/** As keyturn takes them off the queue. */
function folded(reports: readonly core.UsageReport[]) {
  const generations = new Map([1, 2].map((generation) => [versionOf(generation), generation]));
  const messages = reports.map((report) => ({
    messageId: `${report.seq}`,
    report,
    sentTimestampMs: Date.parse(report.sentAt),
  }));
  return foldReports(messages, new Map([['npm-token', generations]]));
}
