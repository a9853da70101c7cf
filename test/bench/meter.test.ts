/** What the bench counts of the requests that go over the wire. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  ScanCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { asSent, hottestSecond, type Meter, meterOf } from '../../bench/meter.ts';
import { type WireAnswer, wiredTo } from '../support/sdk-wire.ts';

const row = (pk: string, size = 10) => ({ pk: { S: pk }, sk: { S: 'META' }, text: { S: 'x'.repeat(size) } });
const address = (pk: string) => ({ pk, sk: 'META' });

/** A client that is listened to, and a table that holds `after` whenever somebody looks. */
function metered(answer: WireAnswer, after?: ReturnType<typeof row>) {
  const aside = { status: 200, body: after ? { Item: after } : {} };
  const meter: Meter = meterOf({
    client: DynamoDBDocumentClient.from(new DynamoDBClient(wiredTo(() => aside))),
    table: 'ledger',
  });
  const client = new DynamoDBClient(wiredTo(() => answer));
  client.middlewareStack.add(meter.listen, asSent);
  return { meter, client: DynamoDBDocumentClient.from(client) };
}

/** Write units by partition, of all seconds. */
const writesOf = ({ writes }: Meter) =>
  Object.fromEntries(
    [...writes].map(([partition, seconds]) => [
      partition,
      [...seconds.values()].reduce((sum, units) => sum + units, 0),
    ]),
  );

const fine = (body: object = {}): WireAnswer => ({ status: 200, body });

describe('a transaction', () => {
  const items = [
    { Put: { TableName: 'ledger', Item: { ...address('a'), text: 'new' } } },
    { Update: { TableName: 'ledger', Key: address('b'), UpdateExpression: 'ADD n :n' } },
    { Delete: { TableName: 'ledger', Key: address('b') } },
    {
      ConditionCheck: {
        TableName: 'ledger',
        Key: address('c'),
        ConditionExpression: 'attribute_exists(pk)',
      },
    },
  ];

  it('is billed twice for each row that it names, whatever it does there', async () => {
    const { meter, client } = metered(fine(), row('a'));
    await client.send(new TransactWriteCommand({ TransactItems: items }));
    expect(meter.used.get('writeUnit')).toBe(8);
    expect(writesOf(meter)).toEqual({ a: 2, b: 4, c: 2 });
  });

  it('is billed when it is refused as well', async () => {
    const { meter, client } = metered({ status: 400, body: { __type: 'TransactionCanceledException' } });
    await expect(client.send(new TransactWriteCommand({ TransactItems: items }))).rejects.toThrow();
    expect(meter.used.get('writeUnit')).toBe(8);
  });
});

describe('a single write', () => {
  it('is billed by the size of what it leaves, and for the partition that it goes to', async () => {
    const { meter, client } = metered(fine(), row('a', 1500));
    await client.send(
      new UpdateCommand({ TableName: 'ledger', Key: address('a'), UpdateExpression: 'SET t = :t' }),
    );
    expect(meter.used.get('writeUnit')).toBe(2);
    expect(writesOf(meter)).toEqual({ a: 2 });
  });
});

describe('the hottest second', () => {
  it('is the one in which a partition took most, and no mean', () => {
    const writes = new Map([
      ['quiet', new Map([[1, 5]])],
      [
        'busy',
        new Map([
          [1, 2],
          [2, 9],
          [3, 1],
        ]),
      ],
    ]);
    expect(hottestSecond({ writes })).toBe(9);
  });

  it('is none before anything is written', () => {
    expect(hottestSecond({ writes: new Map() })).toBe(0);
  });
});

describe('a read of several rows by their keys', () => {
  const read = (ConsistentRead: boolean) =>
    new BatchGetCommand({
      RequestItems: { ledger: { Keys: [address('a'), address('b'), address('c')], ConsistentRead } },
    });
  const answer = fine({ Responses: { ledger: [row('a'), row('b', 5000)] } });

  it('is billed for each by itself, and for those that are not there', async () => {
    const { meter, client } = metered(answer);
    await client.send(read(true));
    expect(meter.used.get('readUnit')).toBe(1 + 2 + 1);
  });

  it('costs half when it may be a little late', async () => {
    const { meter, client } = metered(answer);
    await client.send(read(false));
    expect(meter.used.get('readUnit')).toBe(2);
  });
});

describe('the meter', () => {
  it('takes no request that it has no price for', async () => {
    const { client } = metered(fine());
    await expect(client.send(new ScanCommand({ TableName: 'ledger' }))).rejects.toThrow(
      'DynamoDB Scan has no price rule',
    );
  });

  it('forgets all when it is reset', async () => {
    const { meter, client } = metered(fine(), row('a'));
    await client.send(new GetCommand({ TableName: 'ledger', Key: address('a') }));
    meter.reset();
    expect([meter.used.size, meter.requests.size, meter.writes.size]).toEqual([0, 0, 0]);
  });
});
