/**
 * A million uses through the deployed intake: a real queue, Lambda's event source with several batches at a time, and
 * the ledger. The local cloud puts the account's number into SenderId, so who may speak for whom is tested without it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { BatchWriteCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { cloudConfig } from '../../bench/cloud-config.ts';
import { documentClient } from '../../lib/aws/document-client.ts';
import { dynamoDbUsageBook } from '../../lib/aws/dynamodb-usage-book.ts';
import { credentialRow, keyRow } from '../../lib/aws/ledger-rows.ts';
import { type StackAddresses, stackAddresses } from '../../lib/cli/stack.ts';
import { plus } from '../../lib/usage/instant.ts';
import type { UsageBook, UsageRow } from '../../lib/usage/usage-book.ts';
import { reportLimits } from '../../lib/workflow/usage-report.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { deploy } from '../../local/deploy.ts';
import { aCredential, aKey } from '../support/builders.ts';
import { aKeyUse, aReport } from '../usage/a-report.ts';
import {
  type Counts,
  credentialOf,
  expectedCounts,
  expectedMinutes,
  keys,
  reportsOfAll,
  uses,
  versionOf,
} from './hour-of-use.ts';

const stackName = 'keyturn-metering';
const example = join(import.meta.dirname, '..', '..', 'examples', 'verdaccio', 'keyturn.yaml');

/** Milliseconds, on a machine that has other work too. */
const longest = 900_000;

let cloud: Cloud;
let addresses: StackAddresses;
let sqs: SQSClient;
let client: DynamoDBDocumentClient;
let book: UsageBook;
const credentials = Array.from({ length: keys }, (_, key) => credentialOf(key));

beforeAll(async () => {
  cloud = await startCloud();
  const aws = cloudConfig(cloud);
  sqs = new SQSClient(aws);
  client = documentClient(new DynamoDBClient(aws));
  const config = join(cloud.directory, 'keyturn.yaml');
  await writeFile(config, stringify({ ...parse(await readFile(example, 'utf8')), credentials: {} }));
  await deploy(cloud, { context: { config, stack: stackName } });
  addresses = await stackAddresses(stackName, aws);
  book = dynamoDbUsageBook({ client, table: addresses.table });
  await writeKeys();
}, longest);
afterAll(() => cloud?.stop());

/** Straight into the ledger: no rotation is to be seen here. */
async function writeKeys(): Promise<void> {
  const rows = Array.from({ length: keys }, (_, key) => [
    credentialRow(aCredential({ id: credentialOf(key), status: 'active', dueAt: null })),
    keyRow(aKey({ credentialId: credentialOf(key), versionId: versionOf(key) })),
  ]).flat();
  for (const some of inTens(rows)) {
    const requests = some.map((row) => ({ PutRequest: { Item: { ...row } } }));
    await client.send(new BatchWriteCommand({ RequestItems: { [addresses.table]: requests } }));
  }
}

/** A use that counts, in a report that is otherwise wrong. */
const strayUse = (ok: number) =>
  aKeyUse({
    credential: credentialOf(0),
    versionId: versionOf(0),
    ok,
    denied: 0,
  });
const stray = { consumer: 'odd-one', credentials: [credentialOf(0)], holds: [] };
const bad = {
  malformed: '{',
  'too large': ' '.repeat(reportLimits.body + 1),
  'from the future': JSON.stringify(aReport({ windowEnd: plus(aReport().sentAt, 301) })),
  'unknown credential': JSON.stringify(
    aReport({ ...stray, instance: 'a', credentials: ['nobody'], keys: [strayUse(3)] }),
  ),
  'unknown version': JSON.stringify(
    aReport({ ...stray, instance: 'b', keys: [strayUse(4), { ...strayUse(5), versionId: 'a-stranger' }] }),
  ),
};

describe('a million uses of an hour, a tenth of the messages twice, all shuffled, some bad ones among them', () => {
  const expected = new Map<string, Counts>(expectedCounts());

  beforeAll(async () => {
    const good = reportsOfAll().map((report) => JSON.stringify(report));
    const twice = good.filter((_, index) => index % 10 === 0);
    await send(shuffled([...good, ...twice, ...Object.values(bad)]));
    await untilEmpty(addresses['usage-queue']);
  }, longest);

  test('are what was sent', () => {
    expect(sumOf([...expected.values()])).toBe(uses);
  });

  test('are counted exactly by the minute, key by key and process by process', async () => {
    const counted = (await ofEachKey((id) => book.usage(id, 1))).flatMap(([, rows]) => rows);
    const fleet = counted.filter(({ consumer }) => consumer !== 'odd-one');
    expect(byMinute(fleet)).toEqual(expectedMinutes());
    expect(fleet).toHaveLength(expectedMinutes().size);
  });

  test('are read from a minute on without those before', async () => {
    const since = '2026-11-22T00:00Z';
    const late = [...expectedMinutes()].filter(([name]) => {
      const [credential, , , minute = ''] = name.split(' ');
      return credential === credentialOf(6) && minute >= since;
    });
    expect(late.length).toBeGreaterThan(0);
    expect(byMinute(await book.usage(credentialOf(6), 1, since))).toEqual(new Map(late));
  });

  test('are counted exactly by the day, key by key', async () => {
    const days = await ofEachKey((id) => book.days(id, '2026-11-21'));
    expect(totals(days)).toEqual(expected);
    const perDay = Map.groupBy(
      days.flatMap(([, rows]) => rows),
      ({ day }) => day,
    );
    expect([...perDay.keys()].sort()).toEqual(['2026-11-21', '2026-11-22']);
  });

  test('say that each process was there and has left', async () => {
    const presence = await book.presence(credentialOf(6));
    expect(presence.length).toBeGreaterThan(0);
    for (const { seq, leftAt } of presence)
      expect({ seq, left: leftAt !== null }).toEqual({ seq: 60, left: true });
  });

  test('leave in the dead letters what was bad, with the reason, and nothing else', async () => {
    const letters = await allOf(addresses['dead-letter-queue']);
    const reasons = new Map(
      letters.map(({ Body, MessageAttributes }) => [Body, MessageAttributes?.['reason']?.StringValue]),
    );
    expect(letters).toHaveLength(Object.keys(bad).length);
    expect(reasons.get(bad.malformed)).toContain('not a usage report v1');
    expect(reasons.get(bad['too large'])).toContain('at most 131072 are read');
    expect(reasons.get(bad['from the future'])).toContain('more than 300 s after sentAt');
    expect(reasons.get(bad['unknown credential'])).toContain('credential nobody is not registered');
    expect(reasons.get(bad['unknown version'])).toContain(
      'version a-stranger is no key of credential metered-0',
    );
  });

  test('are joined by what was right in the bad ones', async () => {
    const rows = await book.days(credentialOf(0), '2026-11-21');
    expect(rows.filter(({ consumer }) => consumer === 'odd-one')).toMatchObject([{ ok: 3 + 4, denied: 0 }]);
  });
});

/** One after the other: all at once would only queue at the SDK. */
async function ofEachKey<T>(read: (id: string) => Promise<T>): Promise<readonly (readonly [string, T])[]> {
  const all: (readonly [string, T])[] = [];
  for (const id of credentials) all.push([id, await read(id)]);
  return all;
}

const byMinute = (rows: readonly UsageRow[]): ReadonlyMap<string, Counts> =>
  new Map(
    rows.map(({ credentialId, consumer, instance, minute, ok, denied }) => [
      [credentialId, consumer, instance, minute].join(' '),
      { ok, denied },
    ]),
  );

type Countable = Counts & { readonly consumer: string };

const totals = (rows: readonly (readonly [string, readonly Countable[]])[]): ReadonlyMap<string, Counts> =>
  new Map(
    rows.map(([id, all]) => {
      const fleet = all.filter(({ consumer }) => consumer !== 'odd-one');
      return [
        id,
        {
          ok: fleet.reduce((sum, { ok }) => sum + ok, 0),
          denied: fleet.reduce((sum, { denied }) => sum + denied, 0),
        },
      ];
    }),
  );

const sumOf = (counts: readonly Counts[]): number =>
  counts.reduce((sum, { ok, denied }) => sum + ok + denied, 0);

const inTens = <T>(all: readonly T[]): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(all.length / 10) }, (_, index) => all.slice(index * 10, (index + 1) * 10));

/** Always the same disorder: Fisher and Yates with a small generator of numbers. */
function shuffled<T>(all: readonly T[]): readonly T[] {
  const deck = [...all];
  let state = 42;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  for (let top = deck.length - 1; top > 0; top -= 1) {
    const [card] = deck.splice(below(top + 1), 1);
    if (card !== undefined) deck.push(card);
  }
  return deck;
}

/** One request holds 256 KiB, so the large ones go alone. */
async function send(bodies: readonly string[]): Promise<void> {
  const large = bodies.filter(({ length }) => length > 20_000);
  const small = bodies.filter(({ length }) => length <= 20_000);
  for (const some of [...inTens(small), ...large.map((body) => [body])]) {
    const Entries = some.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
    const { Failed = [] } = await sqs.send(
      new SendMessageBatchCommand({ QueueUrl: addresses['usage-queue'], Entries }),
    );
    expect(Failed).toEqual([]);
  }
}

async function untilEmpty(queueUrl: string): Promise<void> {
  const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  for (;;) {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...AttributeNames] }),
    );
    if (AttributeNames.every((name) => Attributes[name] === '0')) return;
    await sleep(500);
  }
}

async function allOf(queueUrl: string): Promise<readonly Message[]> {
  const messages: Message[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
        WaitTimeSeconds: 1,
      }),
    );
    if (Messages.length === 0) return messages;
    messages.push(...Messages);
  }
}
