/** What the contract kit cannot bring about: conflicts, throttling, lost answers, pages and an index that lags. */
import {
  type CancellationReason,
  DynamoDBClient,
  TransactionCanceledException,
  TransactionConflictException,
} from '@aws-sdk/client-dynamodb';
import {
  DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { documentClient } from '../../lib/aws/document-client.ts';
import { dynamoDbLedger } from '../../lib/aws/dynamodb-ledger.ts';
import {
  addressOf,
  credentialRow,
  dueShard,
  dueShards,
  keyRow,
  rotationRow,
} from '../../lib/aws/ledger-rows.ts';
import { plus } from '../../lib/usage/instant.ts';
import {
  aCredential,
  aKey,
  aLease,
  anAnnouncement,
  aRotation,
  refOf,
  someTime,
} from '../support/builders.ts';
import { changeOf } from '../support/commits.ts';

const dynamoDb = mockClient(DynamoDBDocumentClient);
const client = documentClient(new DynamoDBClient({ region: 'us-east-1' }));
const ledger = dynamoDbLedger({ client, table: 'ledger' });

beforeEach(() => {
  dynamoDb.reset();
});

describe('a cancelled commit', () => {
  const commit = changeOf(aCredential(), { rotation: aRotation(), run: 1, keys: [aKey()] });
  const cancelled = (...reasons: readonly CancellationReason[]): TransactionCanceledException =>
    new TransactionCanceledException({
      message: 'Transaction cancelled',
      $metadata: {},
      CancellationReasons: [...reasons],
    });
  const none = { Code: 'None' };
  const failed = (Item?: CancellationReason['Item']) => ({
    Code: 'ConditionalCheckFailed',
    ...(Item && { Item }),
  });
  const refusal = async (error: Error): Promise<unknown> => {
    dynamoDb.on(TransactWriteCommand).rejects(error);
    return ledger.commit(commit).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  };

  it.each([
    {
      what: 'another epoch',
      reasons: [failed({ epoch: { N: '2' }, auditSeq: { N: '1' } }), none, none, none, none],
      error: 'Fenced',
    },
    {
      what: 'another epoch, and another run',
      reasons: [failed({ epoch: { N: '2' }, auditSeq: { N: '1' } }), failed({ run: { N: '2' } })],
      error: 'Fenced',
    },
    { what: 'another run', reasons: [none, failed({ run: { N: '2' } })], error: 'Superseded' },
    { what: 'a rotation that is gone', reasons: [none, failed()], error: 'Superseded' },
    {
      what: 'another audit sequence',
      reasons: [failed({ epoch: { N: '1' }, auditSeq: { N: '2' } }), none],
      error: 'LedgerChanged',
    },
    { what: 'a claim', reasons: [none, none, none, failed(), none], error: 'LedgerChanged' },
    { what: 'an audit record', reasons: [none, none, none, none, failed()], error: 'LedgerChanged' },
    { what: 'a conflict', reasons: [none, { Code: 'TransactionConflict' }], error: 'LedgerChanged' },
    {
      what: 'a conflict beside another epoch',
      reasons: [failed({ epoch: { N: '2' } }), { Code: 'TransactionConflict' }],
      error: 'Fenced',
    },
  ])('for $what is $error, with its cause', async ({ reasons, error }) => {
    const cause = cancelled(...reasons);
    expect(await refusal(cause)).toMatchObject({ name: error, cause });
  });

  it('for throttling stays what it is', async () => {
    const throttled = cancelled(none, { Code: 'ThrottlingError' });
    expect(await refusal(throttled)).toBe(throttled);
  });

  it('passes any other error on', async () => {
    const error = new Error('socket hang up');
    expect(await refusal(error)).toBe(error);
  });
});

describe('a commit', () => {
  it('writes everything in one transaction, asking for the rows that stand in its way', async () => {
    dynamoDb.on(TransactWriteCommand).resolves({});
    await ledger.commit(
      changeOf(aCredential(), { rotation: aRotation({ lease: aLease() }), run: 1, keys: [aKey()] }),
    );
    const writes = dynamoDb.commandCalls(TransactWriteCommand)[0]?.args[0].input.TransactItems ?? [];
    expect(writes.map(({ Put }) => `${Put?.Item?.['pk']} ${Put?.Item?.['sk']}`)).toEqual([
      'CRED#billing-agent META',
      `CRED#billing-agent ROT#${aRotation().rotationId}`,
      'CRED#billing-agent KEY#000001#001',
      'ISSUER#openai KEY#key_live_0001',
      'CRED#billing-agent AUDIT#000000000002',
    ]);
    const conditional = writes.filter(({ Put }) => Put?.ConditionExpression);
    expect(conditional).toHaveLength(4);
    for (const { Put } of conditional) expect(Put?.ReturnValuesOnConditionCheckFailure).toBe('ALL_OLD');
  });
});

describe('the row of', () => {
  it('a credential is in the index only while something is due', () => {
    expect(credentialRow(aCredential())).toMatchObject({
      dueShard: dueShard('billing-agent'),
      dueAt: someTime,
    });
    expect(Object.keys(credentialRow(aCredential({ dueAt: null })))).not.toContain('dueAt');
  });

  it('a rotation is in the index by when it is expected, until it has ended', () => {
    const rotation = aRotation({ at: 'grace' });
    expect(rotationRow(rotation)).toMatchObject({
      dueShard: dueShard('billing-agent'),
      dueAt: rotation.expectedBy,
    });
    for (const at of ['completed', 'abandoned', 'blocked'] as const)
      expect(Object.keys(rotationRow(aRotation({ at })))).not.toContain('dueShard');
  });

  it('many credentials are spread over all shards', () => {
    const shards = new Set(Array.from({ length: 200 }, (_, n) => dueShard(`agent-${n}`)));
    expect([...shards].sort()).toEqual(dueShards);
  });
});

describe('reading', () => {
  const stillDue = aCredential({ id: 'still-due' });
  const moved = aCredential({ id: 'moved', dueAt: plus(someTime, 3600) });

  it('asks the table whether the index is right', async () => {
    const entry = ({ id }: { readonly id: string }) => ({ ...addressOf.credential(id), dueAt: someTime });
    dynamoDb
      .on(QueryCommand)
      .resolves({ Items: [] })
      .on(QueryCommand, {
        ExpressionAttributeValues: { ':dueShard': 'DUE#0', ':dueAt': someTime, ':type': 'credential' },
      })
      .resolves({ Items: [entry(moved), entry(stillDue), entry({ id: 'gone' })] });
    dynamoDb.on(GetCommand).resolves({});
    for (const credential of [stillDue, moved])
      dynamoDb
        .on(GetCommand, { Key: { ...addressOf.credential(credential.id) }, ConsistentRead: true }, false)
        .resolves({ Item: { ...credentialRow(credential) } });
    expect(await ledger.due(someTime, 10)).toEqual([stillDue]);
  });

  it('follows the pages of a credential with many keys', async () => {
    const next = { ...addressOf.key(aKey()) };
    dynamoDb.on(GetCommand).resolves({ Item: { ...credentialRow(stillDue) } });
    dynamoDb
      .on(QueryCommand)
      .resolvesOnce({ Items: [{ ...keyRow(aKey({ generation: 1 })) }], LastEvaluatedKey: next })
      .resolvesOnce({ Items: [{ ...keyRow(aKey({ generation: 2 })) }] });
    const loaded = await ledger.load('still-due');
    expect(loaded?.keys.map(({ generation }) => generation)).toEqual([1, 2]);
  });

  it('follows the pages of the table when it lists credentials', async () => {
    const next = { ...addressOf.credential('moved') };
    dynamoDb
      .on(ScanCommand)
      .resolvesOnce({ Items: [{ ...credentialRow(stillDue) }], LastEvaluatedKey: next })
      .resolvesOnce({ Items: [{ ...credentialRow(moved) }] });
    expect(await ledger.credentials()).toEqual([moved, stillDue]);
  });
});

describe('an update while a transaction writes the same row', () => {
  const ref = refOf(aRotation());
  const row = rotationRow(aRotation({ outbox: [anAnnouncement()] }));

  beforeEach(() => {
    dynamoDb.on(GetCommand).resolves({ Item: { ...row } });
    dynamoDb
      .on(UpdateCommand)
      .rejects(new TransactionConflictException({ message: 'ongoing', $metadata: {} }));
  });

  it('is busy for a lease, and to be read again for a note and for the outbox', async () => {
    await expect(ledger.takeLease(ref, aLease(), someTime)).rejects.toMatchObject({ name: 'StepBusy' });
    await expect(ledger.note(ref, {})).rejects.toMatchObject({ name: 'LedgerChanged' });
    await expect(ledger.announced(ref, 1)).rejects.toMatchObject({ name: 'LedgerChanged' });
  });

  it('leaves a lease to run out', async () => {
    await expect(ledger.dropLease(ref, 'request-1')).resolves.toBeUndefined();
  });
});

describe('an update of a rotation', () => {
  const ref = refOf(aRotation());
  const updates = () => dynamoDb.commandCalls(UpdateCommand).map(({ args }) => args[0].input);

  it('keeps the index in step with when the rotation is expected', async () => {
    dynamoDb.on(UpdateCommand).resolves({});
    await ledger.note(ref, { expectedBy: someTime });
    expect(updates()[0]?.ExpressionAttributeValues).toMatchObject({
      ':new_expectedBy': someTime,
      ':new_dueAt': someTime,
    });
  });

  it('strikes the outbox only if it is still what was read', async () => {
    const outbox = [anAnnouncement({ seq: 1 }), anAnnouncement({ seq: 2 })];
    dynamoDb.on(GetCommand).resolves({ Item: { ...rotationRow(aRotation({ outbox })) } });
    dynamoDb.on(UpdateCommand).resolves({});
    await ledger.announced(ref, 1);
    const [update] = updates();
    expect(update?.ConditionExpression).toContain('#outbox = :outbox');
    expect(update?.ExpressionAttributeValues).toMatchObject({
      ':outbox': outbox,
      ':new_outbox': [anAnnouncement({ seq: 2 })],
    });
  });
});
