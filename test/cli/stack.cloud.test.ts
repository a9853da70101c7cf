/** The CLI on a stack that is only its parts, on the local cloud: what twins cannot show is that AWS understands it. */
import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { beforeAll, describe, expect, it } from 'vitest';
import { dynamoDbLedger } from '../../lib/aws/dynamodb-ledger.ts';
import { dynamoDbUsageBook } from '../../lib/aws/dynamodb-usage-book.ts';
import { s3AuditAnchor } from '../../lib/aws/s3-audit-anchor.ts';
import { main } from '../../lib/cli/main.ts';
import { connectStackWith } from '../../lib/cli/stack.ts';
import { chain } from '../../lib/rotation/audit.ts';
import { usageShard } from '../../lib/usage/shard.ts';
import { parameterName, type StackParameter } from '../../lib/workflow/stack-parameters.ts';
import { testDigests } from '../fakes/test-digests.ts';
import { aCredential, aKey, anAuditRecord } from '../support/builders.ts';
import { aCloudTable } from '../support/cloud-table.ts';
import { aNewName, sharedCloud } from '../support/shared-cloud.ts';

const config = sharedCloud();
const stackName = 'by-hand';
const bucket = aNewName('audit');
const queues: string[] = [];

async function run(...argv: readonly string[]) {
  const printed: string[] = [];
  const complained: string[] = [];
  const host = {
    out: (line: string) => void printed.push(line),
    err: (line: string) => void complained.push(line),
    colour: false,
  };
  const code = await main([...argv, '--stack', stackName], host, (name) => connectStackWith(name, config()));
  return { code, out: printed.join('\n'), err: complained.join('\n') };
}

beforeAll(async () => {
  const { table, client } = await aCloudTable(config());
  const sqs = new SQSClient(config());
  for (const name of ['usage', 'dead-letters']) {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: aNewName(name) }));
    queues.push(QueueUrl);
  }
  const [usage = '', deadLetters = ''] = queues;
  await new EventBridgeClient(config()).send(new CreateEventBusCommand({ Name: stackName }));
  const s3 = new S3Client({ ...config(), forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
  const values = {
    table,
    bus: stackName,
    'state-machine': 'arn:aws:states:us-east-1:000000000000:stateMachine:not-there',
    'usage-queue': usage,
    'dead-letter-queue': deadLetters,
    'audit-bucket': bucket,
  } satisfies Partial<Record<StackParameter, string>>;
  const ssm = new SSMClient(config());
  for (const [name, Value] of Object.entries(values)) {
    const Name = parameterName(stackName, name as StackParameter);
    await ssm.send(new PutParameterCommand({ Name, Value, Type: 'String' }));
  }
  const { hash: _hash, ...record } = anAuditRecord();
  const audit = chain(testDigests(), '', record);
  const credential = aCredential({ auditSeq: 1, auditHash: audit.hash, currentGeneration: 1 });
  const expected = { auditSeq: 0, epoch: 0 };
  await dynamoDbLedger({ table, client }).commit({ expected, credential, keys: [aKey()], audit });
  await dynamoDbUsageBook({ table, client }).apply({ presence: [], usage: [someCalls()] });
  const { seq, hash, at } = audit;
  await s3AuditAnchor({ client: s3, bucket }).keep(credential.id, {
    seq,
    hash,
    at,
    type: 'Rotation Started',
  });
});

/** Of this minute. */
function someCalls() {
  const at = new Date().toISOString();
  return {
    credentialId: 'billing-agent',
    generation: 1,
    shard: usageShard('mirror', 'one'),
    consumer: 'mirror',
    instance: 'one',
    minute: `${at.slice(0, 16)}Z`,
    seq: 1,
    ok: 41,
    denied: 1,
    firstUsedAt: at,
    lastUsedAt: at,
  };
}

describe('the command line on AWS', () => {
  it('shows calls by the minute and by the day', async () => {
    expect((await run('drain', 'billing-agent')).out).toMatch(/^ {2}mirror .* ·+×·* +42 calls, 1 refused$/m);
    expect((await run('usage', 'billing-agent')).out).toMatch(/^\d{4}-\d\d-\d\d +mirror +42 +1 +1 +/m);
  });

  it('pauses and resumes in the name of whoever calls, and the trail stays whole', async () => {
    expect(await run('pause', '--all', '--reason', 'release week')).toMatchObject({ code: 0 });
    expect((await run('status', 'billing-agent')).out).toMatch(/^paused .* by arn:aws:.*: release week$/m);
    expect(await run('resume', 'billing-agent')).toMatchObject({ code: 0 });
    const { code, out } = await run('history', 'billing-agent', '--verify');
    expect(code).toBe(0);
    expect(out).toMatch(
      /every number and hash fits; 1 copy outside the table, up to record 1, say the same$/,
    );
  });

  it('names a copy that says something else', async () => {
    const s3 = new S3Client({ ...config(), forcePathStyle: true });
    const change = { seq: 2, hash: 'f00d', at: '2026-03-02T08:00:00Z', type: 'Key Promoted' };
    await s3AuditAnchor({ client: s3, bucket }).keep('billing-agent', change);
    const { code, err } = await run('history', 'billing-agent', '--verify');
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringContaining('does not fit at record 2'),
    });
  });

  it('tells what is missing from what is well', async () => {
    const [, deadLetters = ''] = queues;
    const letter = new SendMessageCommand({ QueueUrl: deadLetters, MessageBody: '{}' });
    await new SQSClient(config()).send(letter);
    const { code, out } = await run('doctor');
    expect(code).toBe(1);
    expect(out).toMatch(/^ok +table ledger-\S+ +active$/m);
    expect(out).toMatch(/^ok +event bus by-hand +there$/m);
    expect(out).toMatch(/^ok +usage queue \S+ +0 reports to be folded$/m);
    expect(out).toMatch(/^ok +bucket of the audit trail \S+ +there$/m);
    expect(out).toMatch(/^wrong +dead-letter queue \S+ +1 message that nobody could act on/m);
    expect(out).toMatch(/^missing +state machine not-there /m);
    expect(out).toMatch(/^missing +parameter \/keyturn\/by-hand\/installation +no registration has run yet/m);
    expect(out).toMatch(/^wrong +issuer openai +block "openai" is not registered/m);
  });
});
