import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { DescribeStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { findingOf } from '../../lib/cli/doctor/finding.ts';
import { connectStackWith, stackAddresses } from '../../lib/cli/stack.ts';
import { parameterName, type StackParameter } from '../../lib/workflow/stack-parameters.ts';

const config = { region: 'eu-central-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } };
const ssm = mockClient(SSMClient);
const dynamoDb = mockClient(DynamoDBClient);
const events = mockClient(EventBridgeClient);
const s3 = mockClient(S3Client);
const sfn = mockClient(SFNClient);
const sqs = mockClient(SQSClient);
const sts = mockClient(STSClient);
const mocks = [ssm, dynamoDb, events, s3, sfn, sqs, sts];
beforeEach(() => mocks.forEach((mock) => void mock.reset()));
afterAll(() => mocks.forEach((mock) => void mock.restore()));

const olderStack = {
  table: 'keyturn-table',
  bus: 'keyturn-bus',
  'state-machine': 'arn:aws:states:eu-central-1:123456789012:stateMachine:rotation',
  'usage-queue': 'https://sqs/123456789012/usage',
  'dead-letter-queue': 'https://sqs/123456789012/dead',
} satisfies Partial<Record<StackParameter, string>>;

/** Parameter Store with these parameters of stack "keyturn". */
function deployed(parameters: Partial<Record<StackParameter, string>>): void {
  const Parameters = Object.entries(parameters).map(([name, Value]) => ({
    Name: parameterName('keyturn', name as StackParameter),
    Value,
  }));
  ssm.on(GetParametersCommand).resolves({ Parameters });
}

describe('the addresses of a stack', () => {
  it('are those that it has: a parameter of a newer keyturn may be missing', async () => {
    deployed(olderStack);
    expect(await stackAddresses('keyturn', config)).toEqual(olderStack);
  });

  it('make no stack when an essential one is missing', async () => {
    const { bus: _bus, ...rest } = olderStack;
    deployed(rest);
    await expect(stackAddresses('keyturn', config)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('/keyturn/keyturn/bus'),
    });
  });
});

describe('a connected stack', () => {
  it('knows who is at the terminal', async () => {
    deployed(olderStack);
    sts.on(GetCallerIdentityCommand).resolves({ Arn: 'arn:aws:iam::123456789012:user/ada' });
    const stack = await connectStackWith('keyturn', config);
    expect(await stack.caller()).toBe('arn:aws:iam::123456789012:user/ada');
  });

  it('has an anchor of its audit trail only where there is a bucket', async () => {
    deployed(olderStack);
    expect((await connectStackWith('keyturn', config)).anchor).toBeUndefined();
    deployed({ ...olderStack, 'audit-bucket': 'audit' });
    expect((await connectStackWith('keyturn', config)).anchor).toBeDefined();
  });
});

describe('the parts of a stack', () => {
  const looks = async (parameters: Partial<Record<StackParameter, string>> = olderStack) => {
    deployed(parameters);
    const { parts } = await connectStackWith('keyturn', config);
    const found = await Promise.all(parts.map(findingOf));
    return Object.fromEntries(found.map(({ subject, status, text }) => [subject, `${status}: ${text}`]));
  };
  const well = () => {
    dynamoDb.on(DescribeTableCommand).resolves({ Table: { TableStatus: 'ACTIVE' } });
    events.on(DescribeEventBusCommand).resolves({});
    sfn.on(DescribeStateMachineCommand).resolves({ status: 'ACTIVE' });
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { ApproximateNumberOfMessages: '0' } });
    s3.on(HeadBucketCommand).resolves({});
  };

  it('are all there in a new stack', async () => {
    well();
    const all = {
      ...olderStack,
      'audit-bucket': 'audit',
      'alarm-topic': 'arn:topic',
      'owner-topic': 'arn:owners',
      installation: 'f00d',
    };
    const found = await looks(all);
    expect(Object.values(found).filter((text) => !text.startsWith('ok'))).toEqual([]);
    expect(found).toMatchObject({
      'table keyturn-table': 'ok: active',
      'event bus keyturn-bus': 'ok: there',
      'state machine rotation': 'ok: active',
      'usage queue usage': 'ok: 0 reports to be folded',
      'dead-letter queue dead': 'ok: empty',
      'bucket of the audit trail audit': 'ok: there',
    });
  });

  it('say what an older stack, or one without a registration, lacks', async () => {
    well();
    expect(await looks()).toMatchObject({
      'parameter /keyturn/keyturn/audit-bucket': expect.stringMatching(/^missing: .*deploy it again/),
      'parameter /keyturn/keyturn/installation': expect.stringMatching(/^missing: no registration has run/),
    });
  });

  it('say that messages lie in the dead-letter queue', async () => {
    well();
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { ApproximateNumberOfMessages: '3' } });
    expect((await looks())['dead-letter queue dead']).toMatch(/^wrong: 3 messages that nobody could act on/);
  });

  it('tell a table that is gone, one that is not ready, and one that may not be looked at', async () => {
    well();
    const failure = (name: string) => Object.assign(new Error(name), { name });
    dynamoDb.on(DescribeTableCommand).rejects(failure('ResourceNotFoundException'));
    expect((await looks())['table keyturn-table']).toMatch(/^missing: /);
    dynamoDb.on(DescribeTableCommand).resolves({ Table: { TableStatus: 'CREATING' } });
    expect((await looks())['table keyturn-table']).toMatch(/^wrong: it is CREATING/);
    dynamoDb.on(DescribeTableCommand).rejects(failure('AccessDeniedException'));
    expect((await looks())['table keyturn-table']).toMatch(/^unknown: you may not look at it/);
  });
});
