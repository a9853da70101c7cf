/** What the client tells keyturn: complete, cumulative, once per interval, and never a key. */
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import { keyturnClient } from '../../lib/client/client.ts';
import type * as client from '../../lib/client/report.ts';
import { usageLog } from '../../lib/client/usage-log.ts';
import { foldReports } from '../../lib/usage/fold.ts';
import type * as core from '../../lib/usage/report.ts';
import { countsReachOf } from '../../lib/usage/usage-book.ts';
import { parseUsageReport } from '../../lib/workflow/usage-report.ts';
import { holdsSecret } from '../support/expect-no-secret.ts';
import { anIssuer, aWorld, keyOf, secretId, versionOf } from './a-world.ts';

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

  test('says where calls went, by host name, and leaves out what is none', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    const to = [
      'https://Registry.example.com:8443/a?b=c',
      new URL('http://mirror.example'),
      'localhost:4873',
    ];
    for (const destination of [...to, 'http://[::1]/', 'no host', ''])
      await credential.use(anIssuer(1).call, { destination });
    await world.client.flush();
    expect(world.reports()[0]?.keys).toMatchObject([
      { ok: 6, destinations: ['registry.example.com', 'mirror.example', 'localhost'] },
    ]);
    expect(parseUsageReport(world.bodies()[0] ?? '')).toMatchObject({ ok: true });
  });

  test('is never too large to be read, however many keys, minutes and long host names there are', async () => {
    const world = aWorld({ reportEvery: 0 });
    const credentials = Array.from({ length: 25 }, (_, n) =>
      world.client.credential({ id: `${'c'.repeat(60)}-${n + 10}`, secretId }),
    );
    for (let minute = 0; minute < 4; minute += 1) {
      for (const credential of credentials)
        for (const host of ['a', 'b', 'c', 'd'])
          await credential.use(anIssuer(1).call, {
            destination: `${host.repeat(60)}.`.repeat(4) + host.repeat(9),
          });
      await seconds(60);
    }
    await world.client.flush();
    expect(world.reports()[0]?.keys).toHaveLength(100);
    expect(parseUsageReport(world.bodies()[0] ?? '')).toMatchObject({ ok: true });
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

  test('or takes nothing because there is too much, it is one line, and nothing is lost', async () => {
    const warned = vi.spyOn(console, 'warn').mockReturnValue();
    const throttled = Object.assign(new Error('Rate exceeded'), { name: 'RequestThrottled' });
    const { secretsManager, sqs, queue } = awsOf(throttled);
    const client = keyturnClient({ consumer: 'mirror', secretsManager, sqs, queueUrl: 'https://sqs/usage' });
    const credential = client.credential(npm);
    for (let minute = 0; minute < 60; minute += 1) {
      await credential.use(anIssuer(1).call);
      await seconds(60);
    }
    expect(warned.mock.calls).toEqual([[expect.stringMatching(/^keyturn: usage of mirror cannot .*$/)]]);
    queue.on(SendMessageCommand).resolves({});
    await client.leave();
    const last = queue.commandCalls(SendMessageCommand).at(-1)?.args[0].input.MessageBody ?? '';
    const keys = (JSON.parse(last) as core.UsageReport).keys;
    expect(keys.reduce((sum, { ok }) => sum + ok, 0)).toBe(60);
    warned.mockRestore();
  });

  test.each<[string, () => never | Promise<never>]>([
    [
      'throws',
      () => {
        throw new Error('full disk');
      },
    ],
    ['rejects', () => Promise.reject(new Error('full disk'))],
  ])('a listener that %s does not silence the reporter', async (_, onError) => {
    const warned = vi.spyOn(console, 'warn').mockReturnValue();
    const world = aWorld({ onError });
    const credential = world.client.credential(npm);
    world.queue.on(SendMessageCommand).rejects(down);
    await credential.use(anIssuer(1).call);
    await expect(world.client.flush()).resolves.toBeUndefined();
    await seconds(60);
    expect(warned.mock.calls).toEqual([[expect.stringMatching(/^keyturn: usage of mirror cannot /)]]);
    world.queue.on(SendMessageCommand).resolves({});
    await world.client.flush();
    expect(world.reports().map(({ keys }) => keys[0]?.ok)).toEqual([1, 1, 1]);
    await seconds(60);
    expect(world.reports().at(-1)).toMatchObject({ windowStart: '2026-11-21T10:01:00.000Z' });
    warned.mockRestore();
  });

  test('for ten hours of traffic on 100 keys, memory stays bounded and no last use is lost', () => {
    const log = usageLog();
    const credentials = Array.from({ length: 25 }, (_, n) => `credential-${n}`);
    for (let minute = 0; minute < 600; minute += 1) {
      const version = versionOf(1 + Math.floor(minute / 150));
      for (const credential of credentials) log.record(credential, version, 'accepted');
      vi.setSystemTime(Date.now() + 60_000);
    }
    const first = log.take();
    for (const credential of credentials) {
      const uses = first.keys.filter((use) => use.credential === credential);
      expect(uses.slice(0, 2).map(({ versionId }) => versionId)).toEqual([versionOf(4), versionOf(3)]);
    }
    const kept = new Set(first.keys.map(nameOf));
    for (let batch = first; log.hasNews(); batch = log.take()) {
      for (const use of batch.keys) kept.add(nameOf(use));
      batch.acknowledge();
    }
    expect(kept.size).toBeGreaterThanOrEqual(1_000);
    expect(kept.size).toBeLessThanOrEqual(1_100);
  });

  test('for a day, memory stays bounded and the rest arrives piece by piece', async () => {
    const world = aWorld({ reportEvery: 0, cacheFor: 3600 });
    const credential = world.client.credential(npm);
    for (let minute = 0; minute < 1_440; minute += 1) {
      await credential.use(anIssuer(1).call);
      await seconds(60);
    }
    await world.client.leave();
    const { length } = folded(world.reports()).usage;
    expect(length).toBeGreaterThanOrEqual(1_000);
    expect(length).toBeLessThanOrEqual(1_100);
    expect(Math.max(...world.reports().map(({ keys }) => keys.length))).toBe(100);
  });
});

describe('a Lambda function that flushes at the end of each invocation', () => {
  /** Nothing runs while it is frozen, not even a timer; only the clock has moved on when it thaws. */
  const freeze = (forSeconds: number) => vi.setSystemTime(Date.now() + forSeconds * 1000);

  test('sends one message per invocation, before it freezes, and each use once', async () => {
    const world = aWorld({ reportEvery: 0 });
    const credential = world.client.credential(npm);
    for (let invocation = 0; invocation < 20; invocation += 1) {
      await credential.use(anIssuer(1).call);
      await credential.use(anIssuer(1).call);
      await world.client.flush();
      expect(world.bodies()).toHaveLength(invocation + 1);
      freeze(7 * invocation);
    }
    const { usage, rejected } = folded(world.reports());
    expect(rejected).toEqual([]);
    expect(usage.reduce((sum, { ok }) => sum + ok, 0)).toBe(40);
    expect(vi.getTimerCount()).toBe(0);
  });

  /** Milliseconds that a flush takes by the test's clock. */
  async function flushTime(world: ReturnType<typeof aWorld>): Promise<number> {
    const since = Date.now();
    const flushed = world.client.flush().then(() => Date.now() - since);
    await seconds(30);
    return flushed;
  }

  test('is held up for 2 s by a queue that does not answer, and for 250 ms while it stays so', async () => {
    const world = aWorld({ reportEvery: 0 });
    await world.client.credential(npm).use(anIssuer(1).call);
    world.queue.on(SendMessageCommand).callsFake(() => new Promise(() => undefined));
    expect(await flushTime(world)).toBe(2_000);
    expect(await flushTime(world)).toBe(250);
    expect(await flushTime(world)).toBe(250);
    expect(world.errors).toMatchObject([
      { name: 'ReportNotSent', message: expect.stringContaining('(TimeoutError: no answer in 2 s)') },
    ]);
    world.queue.on(SendMessageCommand).resolves({});
    expect(await flushTime(world)).toBe(0);
    world.queue.on(SendMessageCommand).callsFake(() => new Promise(() => undefined));
    expect(await flushTime(world)).toBe(2_000);
    expect(world.errors).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is not held up longer by a heartbeat under way, and its uses go with the report after it', async () => {
    const world = aWorld({ reportEvery: 60 });
    const credential = world.client.credential(npm);
    world.queue.on(SendMessageCommand).callsFake(() => new Promise(() => undefined));
    await seconds(60);
    await credential.use(anIssuer(1).call);
    const flushes = Array.from({ length: 5 }, () => world.client.flush());
    await seconds(2);
    await Promise.all(flushes);
    expect(world.bodies()).toHaveLength(1);
    world.queue.on(SendMessageCommand).resolves({});
    await seconds(8);
    expect(world.reports()).toMatchObject([{ keys: [] }, { keys: [{ ok: 1 }] }]);
    expect(world.errors).toHaveLength(1);
  });

  test('that was not heard before it froze says it in its next invocation', async () => {
    const world = aWorld({ reportEvery: 0 });
    const credential = world.client.credential(npm);
    world.queue.on(SendMessageCommand).rejectsOnce(new Error('down'));
    await credential.use(anIssuer(1).call);
    await world.client.flush();
    freeze(3_600);
    await credential.use(anIssuer(1).call);
    await world.client.flush();
    expect(world.reports().at(-1)).toMatchObject({
      windowStart: '2026-11-21T10:00:00.000Z',
      keys: [{ minute: '2026-11-21T11:00Z' }, { minute: '2026-11-21T10:00Z' }],
    });
  });
});

describe('a clock that is set back', () => {
  test('within a minute turns neither the use nor the window round', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    await seconds(40);
    await world.client.flush();
    await seconds(1);
    await credential.use(anIssuer(1).call);
    vi.setSystemTime(Date.now() - 20_000);
    await world.client.flush();
    await credential.use(anIssuer(1).call);
    await world.client.flush();
    expect(world.bodies().map((body) => parseUsageReport(body).ok)).toEqual([true, true, true]);
    expect(world.reports()[1]).toMatchObject({
      windowStart: '2026-11-21T10:00:21.000Z',
      windowEnd: '2026-11-21T10:00:21.000Z',
    });
    expect(world.reports()[2]?.keys).toMatchObject([
      { ok: 2, firstUsedAt: '2026-11-21T10:00:21.000Z', lastUsedAt: '2026-11-21T10:00:41.000Z' },
    ]);
  });

  test.each([1, 45, 90, 3_600, 365 * 86_400])(
    'by %i s leaves reports that are read, with each use once',
    async (back) => {
      const world = aWorld({ cacheFor: 0 });
      const credential = world.client.credential(npm);
      await seconds(50);
      await credential.use(anIssuer(1).call);
      await world.client.flush();
      world.promote(2);
      await credential.use(anIssuer(2).call);
      await seconds(70);
      await credential.use(anIssuer(2).call);
      vi.setSystemTime(Date.now() - back * 1000);
      await credential.use(anIssuer(2).call);
      await world.client.flush();
      await seconds(60);
      const parsed = world.bodies().map(parseUsageReport);
      expect(parsed.filter(({ ok }) => !ok)).toEqual([]);
      const last = world.reports().at(-1);
      expect(new Set(last?.keys.map(({ versionId }) => versionId))).toEqual(
        new Set([versionOf(1), versionOf(2)]),
      );
      const { usage } = folded(world.reports());
      expect(usage.reduce((sum, { ok }) => sum + ok, 0)).toBe(4);
    },
  );
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

const nameOf = ({ credential, versionId, minute }: core.KeyUse): string =>
  [credential, versionId, minute].join(' ');

/** A client's own AWS, for what `aWorld` sets otherwise. */
function awsOf(failure: Error) {
  const [secretsManager, sqs] = [new SecretsManagerClient({}), new SQSClient({})];
  mockClient(secretsManager)
    .on(GetSecretValueCommand)
    .resolves({ SecretString: JSON.stringify({ apiKey: keyOf(1) }), VersionId: versionOf(1) });
  const queue = mockClient(sqs);
  queue.on(SendMessageCommand).rejects(failure);
  return { secretsManager, sqs, queue };
}

/** As keyturn takes them off the queue. */
function folded(reports: readonly core.UsageReport[]) {
  const generations = new Map([1, 2].map((generation) => [versionOf(generation), generation]));
  const messages = reports.map((report) => ({
    messageId: `${report.seq}`,
    report,
    senderId: 'AROAMIRROR:a-session',
    sentTimestampMs: Date.parse(report.sentAt),
  }));
  const known = new Map([['npm-token', { generations, senders: {} }]]);
  return foldReports(messages, known, countsReachOf(30));
}
