/**
 * Each correction of the local cloud, both ways: with it the emulator does what AWS documents, without it the
 * emulator does something else. When an emulator's newer version fails the second half, the correction can go.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DescribeEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, describe, expect, it } from 'vitest';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { deploy } from '../../local/deploy.ts';
import { python } from '../../local/paths.ts';

describe('error-names', () => {
  bothWays('error-names', errorNames, {
    aws: { invoked: 'IssuerRejected', caughtBy: 'name' },
    emulator: { invoked: 'Runtime.HandlerError', caughtBy: 'States.ALL' },
  });
});

async function errorNames(cloud: Cloud) {
  const roleArn = await createRole(cloud);
  const functionName = await createFunction(
    cloud,
    roleArn,
    `class IssuerRejected extends Error { name = 'IssuerRejected' }
     export const handler = async () => { throw new IssuerRejected('no') };`,
  );
  const task = {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Arguments: { FunctionName: functionName },
  };
  const end = (output: string) => ({ Type: 'Pass', Output: output, End: true });
  const output = await runStateMachine(cloud, roleArn, {
    Task: {
      ...task,
      Catch: [
        { ErrorEquals: ['IssuerRejected'], Next: 'ByName' },
        { ErrorEquals: ['States.ALL'], Next: 'ByAll' },
      ],
      End: true,
    },
    ByName: end('name'),
    ByAll: end('States.ALL'),
  });
  const { errorType } = await invoke(cloud, functionName);
  return { invoked: errorType, caughtBy: output };
}

describe('worker-environment', () => {
  bothWays('worker-environment', workerEnvironment, {
    aws: { OWN: 'value', AUTH: undefined, STATE_DIR: undefined, TZ: ':UTC' },
    emulator: { OWN: 'value', AUTH: 'true', STATE_DIR: expect.any(String), TZ: undefined },
  });
});

async function workerEnvironment(cloud: Cloud) {
  const source = 'export const handler = async () => process.env;';
  const functionName = await createFunction(cloud, await createRole(cloud), source, { OWN: 'value' });
  const { OWN, AUTH, STATE_DIR, TZ } = await invoke(cloud, functionName);
  return { OWN, AUTH, STATE_DIR, TZ };
}

describe('full-batches', () => {
  bothWays('full-batches', largestBatches, {
    aws: { ofSmall: 40, ofLarge: 19 },
    emulator: { ofSmall: 10, ofLarge: 10 },
  });
});

async function largestBatches(cloud: Cloud) {
  return { ofSmall: await largestBatch(cloud, 40, 100), ofLarge: await largestBatch(cloud, 40, 250_000) };
}

/** Of messages that wait already when the function begins to take them. */
async function largestBatch(cloud: Cloud, messages: number, bytes: number): Promise<number> {
  const queues = new SQSClient(config(cloud));
  const { QueueUrl } = await queues.send(new CreateQueueCommand({ QueueName: unique('batches') }));
  for (let sent = 0; sent < messages; sent += 1)
    await queues.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x'.repeat(bytes) }));
  const file = join(cloud.directory, unique('batches'));
  const FunctionName = await createFunction(
    cloud,
    await createRole(cloud),
    `import { appendFile } from 'node:fs/promises';
     export const handler = ({ Records }) => appendFile(process.env.FILE, Records.length + ' ');`,
    { FILE: file },
  );
  const EventSourceArn = `arn:aws:sqs:us-east-1:000000000000:${QueueUrl?.split('/').at(-1)}`;
  const window = { BatchSize: 1000, MaximumBatchingWindowInSeconds: 1 };
  await new LambdaClient(config(cloud)).send(
    new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn, ...window }),
  );
  const batches = async () =>
    (await readFile(file, 'utf8').catch(() => '')).split(' ').filter(Boolean).map(Number);
  await eventually(async () => (await batches()).reduce((sum, size) => sum + size, 0) === messages);
  return Math.max(...(await batches()));
}

describe('start-execution', () => {
  bothWays('start-execution', startTwice, {
    aws: { again: 'same execution', otherInput: 'ExecutionAlreadyExists', closed: 'ExecutionAlreadyExists' },
    emulator: {
      again: 'ExecutionAlreadyExists',
      otherInput: 'ExecutionAlreadyExists',
      closed: 'ExecutionAlreadyExists',
    },
  });
});

async function startTwice(cloud: Cloud) {
  const client = new SFNClient(config(cloud));
  const stateMachineArn = await createStateMachine(cloud, await createRole(cloud), {
    Wait: { Type: 'Wait', Seconds: 600, End: true },
  });
  const name = randomUUID();
  const start = async (input: string) => {
    const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn, name, input }));
    return executionArn;
  };
  const executionArn = await start('{"run":1}');
  const same = async () =>
    (await start('{"run":1}')) === executionArn ? 'same execution' : 'another execution';
  const again = await outcome(same());
  const otherInput = await outcome(start('{"run":2}'));
  await client.send(new StopExecutionCommand({ executionArn }));
  return { again, otherInput, closed: await outcome(same()) };
}

describe('callback-failure', () => {
  bothWays('callback-failure', failedCallback, {
    aws: { caughtBy: 'name' },
    emulator: { caughtBy: 'time' },
  });
});

async function failedCallback(cloud: Cloud) {
  const roleArn = await createRole(cloud);
  const functionName = await createFunction(
    cloud,
    roleArn,
    `class AlreadyDecided extends Error { name = 'AlreadyDecided' }
     export const handler = async () => { throw new AlreadyDecided('no') };`,
  );
  const end = (output: string) => ({ Type: 'Pass', Output: output, End: true });
  const caughtBy = await runStateMachine(cloud, roleArn, {
    Task: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
      Arguments: { FunctionName: functionName, Payload: { token: '{% $states.context.Task.Token %}' } },
      TimeoutSeconds: 5,
      Catch: [
        { ErrorEquals: ['AlreadyDecided'], Next: 'ByName' },
        { ErrorEquals: ['States.Timeout'], Next: 'ByTime' },
      ],
      End: true,
    },
    ByName: end('name'),
    ByTime: end('time'),
  });
  return { caughtBy };
}

describe('stopped-callback', () => {
  bothWays('stopped-callback', stoppedCallback, {
    aws: { waiting: 'taken', stopped: 'TaskDoesNotExist' },
    emulator: { waiting: 'taken', stopped: 'taken' },
  });
});

async function stoppedCallback(cloud: Cloud) {
  const client = new SFNClient(config(cloud));
  const queues = new SQSClient(config(cloud));
  const { QueueUrl } = await queues.send(new CreateQueueCommand({ QueueName: unique('tokens') }));
  const stateMachineArn = await createStateMachine(cloud, await createRole(cloud), {
    Ask: {
      Type: 'Task',
      Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken',
      Arguments: { QueueUrl, MessageBody: '{% $states.context.Task.Token %}' },
      TimeoutSeconds: 600,
      End: true,
    },
  });
  const waiting = async () => {
    const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn }));
    const receive = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 });
    const { Messages } = await queues.send(receive);
    return { executionArn, taskToken: Messages?.[0]?.Body };
  };
  const wake = async (taskToken: string | undefined) => {
    await client.send(new SendTaskSuccessCommand({ taskToken, output: '{}' }));
    return 'taken';
  };
  const woken = await waiting();
  const stopped = await waiting();
  await client.send(new StopExecutionCommand({ executionArn: stopped.executionArn }));
  return {
    waiting: await outcome(wake(woken.taskToken)),
    stopped: await outcome(wake(stopped.taskToken)),
  };
}

describe('scheduler-tick', () => {
  bothWays('scheduler-tick', secondsBetweenTwoSchedules, {
    aws: { soon: true },
    emulator: { soon: false },
  });
});

/** The second schedule is due when the first has fired: on the emulator alone it waits a whole round of 10 s. */
async function secondsBetweenTwoSchedules(cloud: Cloud) {
  const queues = new SQSClient(config(cloud));
  const schedules = new SchedulerClient(config(cloud));
  const { QueueUrl } = await queues.send(new CreateQueueCommand({ QueueName: unique('schedule') }));
  const Arn = `arn:aws:sqs:us-east-1:000000000000:${QueueUrl?.split('/').at(-1)}`;
  const RoleArn = await createRole(cloud);
  const fire = async () => {
    const ScheduleExpression = `at(${new Date().toISOString().slice(0, 19)})`;
    const FlexibleTimeWindow = { Mode: 'OFF' } as const;
    const Target = { Arn, RoleArn, Input: '{}' };
    const Name = unique('schedule');
    await schedules.send(new CreateScheduleCommand({ Name, ScheduleExpression, FlexibleTimeWindow, Target }));
    const receive = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 });
    await eventually(async () => ((await queues.send(receive)).Messages?.length ?? 0) > 0);
    return Date.now();
  };
  const first = await fire();
  return { soon: (await fire()) - first < 8_000 };
}

describe('put-secret-value', () => {
  bothWays('put-secret-value', putTwice, {
    aws: {
      sameValue: ['AWSCURRENT'],
      otherValue: 'ResourceExistsException',
      read: 'second',
      holdersOfLabel: 1,
      labelsTogether: ['AWSCURRENT', 'keyturn-4'],
    },
    emulator: {
      sameValue: ['AWSPENDING'],
      otherValue: ['AWSPENDING'],
      read: 'ResourceNotFoundException',
      holdersOfLabel: 2,
      labelsTogether: ['AWSCURRENT'],
    },
  });

  it('makes the first version of an empty secret AWSCURRENT, whatever label is asked for', async () => {
    const { secrets, SecretId, put } = await secretOf(await corrected(), {});
    await put('first', ['keyturn-1']);
    expect(await current(secrets, SecretId)).toBe('first');
    expect(await stages(secrets, SecretId)).toEqual([['AWSCURRENT', 'keyturn-1']]);
  });
});

async function putTwice(cloud: Cloud) {
  const { secrets, SecretId, put } = await secretOf(cloud, { SecretString: 'first' });
  const token = randomUUID();
  await put('second', ['AWSCURRENT'], token);
  const sameValue = await outcome(put('second', ['AWSPENDING'], token));
  const otherValue = await outcome(put('other', ['AWSPENDING'], token));
  const read = await outcome(current(secrets, SecretId));
  await put('third', ['keyturn-3']);
  await put('fourth', ['keyturn-3']);
  const holdersOfLabel = (await stages(secrets, SecretId)).filter((labels) =>
    labels.includes('keyturn-3'),
  ).length;
  return {
    sameValue,
    otherValue,
    read,
    holdersOfLabel,
    labelsTogether: await put('5', ['AWSCURRENT', 'keyturn-4']),
  };
}

describe('create-secret-token', () => {
  bothWays('create-secret-token', createTwice, {
    aws: { versionId: 'the token', again: 'the token', otherValue: 'ResourceExistsException' },
    emulator: {
      versionId: 'another id',
      again: 'ResourceExistsException',
      otherValue: 'ResourceExistsException',
    },
  });
});

async function createTwice(cloud: Cloud) {
  const secrets = new SecretsManagerClient(config(cloud));
  const Name = unique('secret');
  const ClientRequestToken = randomUUID();
  const create = async (SecretString: string) => {
    const { VersionId } = await secrets.send(
      new CreateSecretCommand({ Name, SecretString, ClientRequestToken }),
    );
    return VersionId === ClientRequestToken ? 'the token' : 'another id';
  };
  const versionId = await create('first');
  return { versionId, again: await outcome(create('first')), otherValue: await outcome(create('other')) };
}

describe('empty-secret', () => {
  bothWays('empty-secret', createEmpty, {
    aws: { stages: [], read: 'ResourceNotFoundException' },
    emulator: { stages: [['AWSCURRENT']], read: undefined },
  });
});

async function createEmpty(cloud: Cloud) {
  const { secrets, SecretId } = await secretOf(cloud, {});
  return { stages: await stages(secrets, SecretId), read: await outcome(current(secrets, SecretId)) };
}

describe('deprecated-versions', () => {
  bothWays('deprecated-versions', readDeprecated, {
    aws: { readById: 'first', listed: 2, listedWithDeprecated: 3 },
    emulator: { readById: 'ResourceNotFoundException', listed: 2, listedWithDeprecated: 2 },
  });
});

async function readDeprecated(cloud: Cloud) {
  const { secrets, SecretId, put } = await secretOf(cloud, { SecretString: 'first' });
  const { VersionId } = await secrets.send(new GetSecretValueCommand({ SecretId }));
  await put('second', ['AWSCURRENT']);
  await put('third', ['AWSCURRENT']);
  const list = async (IncludeDeprecated: boolean) => {
    const { Versions } = await secrets.send(new ListSecretVersionIdsCommand({ SecretId, IncludeDeprecated }));
    return Versions?.length;
  };
  const read = secrets.send(new GetSecretValueCommand({ SecretId, VersionId }));
  const readById = await outcome(read.then(({ SecretString }) => SecretString));
  return { readById, listed: await list(false), listedWithDeprecated: await list(true) };
}

describe('version-stage', () => {
  bothWays('version-stage', wrongStages, {
    aws: { mismatch: 'InvalidRequestException', removed: 'InvalidParameterException', read: 'first' },
    emulator: { mismatch: 'first', removed: undefined, read: 'ResourceNotFoundException' },
  });

  it('moves AWSCURRENT from the version that has it only, and AWSPREVIOUS follows', async () => {
    const { secrets, SecretId, put } = await secretOf(await corrected(), { SecretString: 'first' });
    const [old, fresh] = [await currentVersion(secrets, SecretId), randomUUID()];
    await put('second', ['keyturn-2'], fresh);
    const move = { SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: fresh };
    const update = (request: object) =>
      secrets.send(new UpdateSecretVersionStageCommand({ ...move, ...request }));
    expect(await outcome(update({}))).toBe('InvalidParameterException');
    await update({ RemoveFromVersionId: old });
    expect(await versions(secrets, SecretId)).toEqual({
      [old]: ['AWSPREVIOUS'],
      [fresh]: ['keyturn-2', 'AWSCURRENT'],
    });
  });

  it('takes another label off, and the version stays readable', async () => {
    const { secrets, SecretId, put } = await secretOf(await corrected(), { SecretString: 'first' });
    const VersionId = randomUUID();
    await put('second', ['keyturn-2'], VersionId);
    const removal = { SecretId, VersionStage: 'keyturn-2', RemoveFromVersionId: VersionId };
    await secrets.send(new UpdateSecretVersionStageCommand(removal));
    const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId, VersionId }));
    expect(SecretString).toBe('second');
    expect(await stages(secrets, SecretId)).toEqual([['AWSCURRENT']]);
  });
});

async function wrongStages(cloud: Cloud) {
  const { secrets, SecretId, put } = await secretOf(cloud, { SecretString: 'first' });
  const VersionId = await currentVersion(secrets, SecretId);
  await put('second', ['keyturn-2']);
  const get = secrets.send(new GetSecretValueCommand({ SecretId, VersionId, VersionStage: 'keyturn-2' }));
  const mismatch = await outcome(get.then(({ SecretString }) => SecretString));
  const removal = { SecretId, VersionStage: 'AWSCURRENT', RemoveFromVersionId: VersionId };
  const removed = await outcome(
    secrets.send(new UpdateSecretVersionStageCommand(removal)).then(() => undefined),
  );
  return { mismatch, removed, read: await outcome(current(secrets, SecretId)) };
}

describe('secret-ref, event-bus-policy, object-lock and secure-transport', () => {
  it('deploy as on AWS, with the roles of the bootstrap: a secret by its ARN, a bus with its policy, a locked bucket', async () => {
    const cloud = await corrected();
    const { SecretArn } = await deployApp(cloud);
    expect(SecretArn).toMatch(/^arn:aws:secretsmanager:us-east-1:000000000000:secret:corrections-secret-/);
    const describeBus = new DescribeEventBusCommand({ Name: 'corrections-bus' });
    const { Policy } = await new EventBridgeClient(config(cloud)).send(describeBus);
    expect(JSON.parse(Policy ?? '{}')).toMatchObject({
      Statement: [{ Effect: 'Allow', Action: 'events:PutEvents' }],
    });
    expect(await deleteVersion(cloud)).toBe('AccessDenied');
  });

  it('differ on the emulator by itself: without secret-ref the secret is its name', async () => {
    const { SecretArn } = await deployApp(await without('secret-ref'));
    expect(SecretArn).toBe('corrections-secret');
  });

  it('differ on the emulator by itself: without object-lock a version is deleted', async () => {
    const cloud = await without('object-lock');
    await deployApp(cloud);
    expect(await deleteVersion(cloud)).toBe('done');
  });

  it('differ on the emulator by itself: without event-bus-policy the stack is refused', async () => {
    await expect(deployApp(await without('event-bus-policy'))).rejects.toThrow('AWS::Events::EventBusPolicy');
  });

  it('differ on the emulator by itself: without secure-transport no role reaches the asset bucket', async () => {
    await expect(deployApp(await without('secure-transport'))).rejects.toThrow('we dont have access to it');
  });
});

/** Of an object that has just been put into the app's bucket. */
async function deleteVersion(cloud: Cloud): Promise<string> {
  const s3 = new S3Client(config(cloud));
  const address = { Bucket: 'corrections-locked', Key: 'object' };
  const { VersionId } = await s3.send(new PutObjectCommand({ ...address, Body: 'kept' }));
  return outcome(s3.send(new DeleteObjectCommand({ ...address, VersionId })).then(() => 'done'));
}

describe('if-none-match-key', () => {
  bothWays('if-none-match-key', conditionalWrites, {
    aws: { asked: 'done', notAsked: 'AccessDenied' },
    emulator: { asked: 'AccessDenied', notAsked: 'AccessDenied' },
  });
});

/** What a user, who may do anything with S3, hears from a bucket that wants to be asked first. */
async function conditionalWrites(cloud: Cloud) {
  const Bucket = 'conditional';
  const root = new S3Client(config(cloud));
  await root.send(new CreateBucketCommand({ Bucket }));
  const deny = {
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:PutObject',
    Resource: `arn:aws:s3:::${Bucket}/*`,
    Condition: { Null: { 's3:if-none-match': 'true' } },
  };
  await root.send(new PutBucketPolicyCommand({ Bucket, Policy: policyOf(deny) }));
  const s3 = new S3Client({ ...config(cloud), credentials: await userWith(cloud, 's3:*') });
  const put = (Key: string, more: object) =>
    outcome(s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ...more })).then(() => 'done'));
  return { asked: await put('one', { IfNoneMatch: '*' }), notAsked: await put('two', {}) };
}

const policyOf = (statement: object): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [statement] });

/** Access keys of a new user: the cloud's own are root's, whom no policy stops. */
async function userWith(cloud: Cloud, action: string) {
  const iam = new IAMClient(config(cloud));
  const UserName = 'writer';
  await iam.send(new CreateUserCommand({ UserName }));
  const PolicyDocument = policyOf({ Effect: 'Allow', Action: action, Resource: '*' });
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'all', PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  };
}

async function deployApp(cloud: Cloud) {
  const { Corrections = {} } = await deploy(cloud, {
    context: {},
    app: 'node test/local/corrections-app.ts',
  });
  return Corrections;
}

describe('the launcher', () => {
  it('refuses a correction that it does not know', async () => {
    await expect(startCloud({ without: ['error-nmaes'] })).rejects.toThrow('error-nmaes');
  });
});

const clouds = new Map<string, Promise<Cloud>>();

afterAll(async () => {
  await Promise.allSettled([...clouds.values()].map(async (cloud) => (await cloud).stop()));
});

const corrected = () => cloudWithout([]);
const without = (correction: string) => cloudWithout([correction]);

/** Started when first asked for; the fully corrected one is shared by all tests. */
function cloudWithout(corrections: readonly string[]): Promise<Cloud> {
  const key = corrections.join();
  const cloud = clouds.get(key) ?? startCloud({ without: corrections });
  clouds.set(key, cloud);
  return cloud;
}

interface Expected {
  readonly aws: unknown;
  readonly emulator: unknown;
}

function bothWays(
  correction: string,
  behaviour: (cloud: Cloud) => Promise<unknown>,
  expected: Expected,
): void {
  it('does what AWS documents', async () => {
    expect(await behaviour(await corrected())).toEqual(expected.aws);
  });
  it(`differs on the emulator by itself (--without ${correction})`, async () => {
    expect(await behaviour(await without(correction))).toEqual(expected.emulator);
  });
}

/** A failure's name stands for it, so that both ways can be compared with plain values. */
const outcome = <T>(result: Promise<T>): Promise<T | string> =>
  result.catch((error: unknown) => (error instanceof Error ? error.name : String(error)));

const unique = (what: string): string => `${what}-${randomUUID()}`;

function config(cloud: Cloud) {
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = cloud.env;
  return { endpoint: cloud.endpoint, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } };
}

async function eventually(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error('it did not happen within 60 s');
    await sleep(100);
  }
}

async function secretOf(cloud: Cloud, value: { readonly SecretString?: string }) {
  const secrets = new SecretsManagerClient(config(cloud));
  const SecretId = unique('secret');
  await secrets.send(new CreateSecretCommand({ Name: SecretId, ...value }));
  const put = async (SecretString: string, VersionStages: string[], ClientRequestToken = randomUUID()) => {
    const request = { SecretId, SecretString, VersionStages, ClientRequestToken };
    const answer = await secrets.send(new PutSecretValueCommand(request));
    return answer.VersionStages?.toSorted();
  };
  return { secrets, SecretId, put };
}

async function current(secrets: SecretsManagerClient, SecretId: string) {
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId }));
  return SecretString;
}

async function currentVersion(secrets: SecretsManagerClient, SecretId: string): Promise<string> {
  const { VersionId } = await secrets.send(new GetSecretValueCommand({ SecretId }));
  return VersionId ?? 'no version';
}

async function versions(secrets: SecretsManagerClient, SecretId: string) {
  const { VersionIdsToStages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId }));
  return VersionIdsToStages;
}

async function stages(secrets: SecretsManagerClient, SecretId: string) {
  return Object.values(await versions(secrets, SecretId)).map((labels) => labels.toSorted());
}

async function createRole(cloud: Cloud): Promise<string> {
  const iam = new IAMClient(config(cloud));
  const RoleName = unique('role').slice(0, 64);
  const statement = (rest: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...rest }] });
  const AssumeRolePolicyDocument = statement({ Action: 'sts:AssumeRole', Principal: '*' });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  const PolicyDocument = statement({ Action: '*', Resource: '*' });
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'all', PolicyDocument }));
  return Role?.Arn ?? 'no role';
}

async function createFunction(
  cloud: Cloud,
  Role: string,
  source: string,
  Variables: Record<string, string> = {},
) {
  const FunctionName = unique('function').slice(0, 64);
  const ZipFile = await zipped(cloud, source);
  const request = { FunctionName, Role, Code: { ZipFile }, Environment: { Variables } };
  const runtime = { Runtime: 'nodejs24.x', Handler: 'index.handler' } as const;
  await new LambdaClient(config(cloud)).send(new CreateFunctionCommand({ ...request, ...runtime }));
  return FunctionName;
}

async function zipped(cloud: Cloud, source: string): Promise<Buffer> {
  const directory = await mkdtemp(join(cloud.directory, 'zip-'));
  await writeFile(join(directory, 'index.mjs'), source);
  await promisify(execFile)(python, ['-m', 'zipfile', '-c', 'code.zip', 'index.mjs'], { cwd: directory });
  return readFile(join(directory, 'code.zip'));
}

async function invoke(cloud: Cloud, FunctionName: string): Promise<Record<string, unknown>> {
  const { Payload } = await new LambdaClient(config(cloud)).send(new InvokeCommand({ FunctionName }));
  return JSON.parse(Payload?.transformToString() ?? '{}');
}

async function createStateMachine(cloud: Cloud, roleArn: string, States: object) {
  const definition = JSON.stringify({ QueryLanguage: 'JSONata', StartAt: Object.keys(States)[0], States });
  const request = { name: unique('machine'), roleArn, definition };
  const { stateMachineArn } = await new SFNClient(config(cloud)).send(new CreateStateMachineCommand(request));
  return stateMachineArn;
}

async function runStateMachine(cloud: Cloud, roleArn: string, States: object): Promise<unknown> {
  const client = new SFNClient(config(cloud));
  const stateMachineArn = await createStateMachine(cloud, roleArn, States);
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn }));
  const describeExecution = () => client.send(new DescribeExecutionCommand({ executionArn }));
  await eventually(async () => (await describeExecution()).status !== 'RUNNING');
  const { output } = await describeExecution();
  return JSON.parse(output ?? 'null');
}
