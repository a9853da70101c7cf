/** The parts of a deployed stack, each with a harmless look at it. */
import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeEventBusCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { DescribeStateMachineCommand, type SFNClient } from '@aws-sdk/client-sfn';
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { parameterName, type StackParameter, stackParameters } from '../../workflow/stack-parameters.ts';
import { count } from '../format/count.ts';
import type { StackAddresses } from '../stack.ts';
import type { Check } from './finding.ts';

export interface Clients {
  readonly dynamoDb: DynamoDBClient;
  readonly events: EventBridgeClient;
  readonly s3: S3Client;
  readonly sfn: SFNClient;
  readonly sqs: SQSClient;
}

export function partsOf(name: string, addresses: StackAddresses, clients: Clients): readonly Check[] {
  const { 'audit-bucket': bucket } = addresses;
  return [
    ...stackParameters.map((each) => parameterCheck(name, each, addresses)),
    tableCheck(clients, addresses.table),
    busCheck(clients, addresses.bus),
    stateMachineCheck(clients, addresses['state-machine']),
    usageCheck(clients, addresses['usage-queue']),
    deadLetterCheck(clients, addresses['dead-letter-queue']),
    ...(bucket === undefined ? [] : [bucketCheck(clients, bucket)]),
  ];
}

const parameterCheck = (name: string, parameter: StackParameter, addresses: StackAddresses): Check => ({
  subject: `parameter ${parameterName(name, parameter)}`,
  look: async () => addresses[parameter] ?? { status: 'missing', text: whyMissing(parameter) },
});

const whyMissing = (parameter: StackParameter): string =>
  parameter === 'installation'
    ? 'no registration has run yet: see the log of the register-credentials function'
    : 'the stack is older than this keyturn: deploy it again';

const tableCheck = ({ dynamoDb }: Clients, TableName: string): Check => ({
  subject: `table ${TableName}`,
  look: async () => {
    const { Table } = await dynamoDb.send(new DescribeTableCommand({ TableName }));
    return activeOr(Table?.TableStatus);
  },
});

const busCheck = ({ events }: Clients, Name: string): Check => ({
  subject: `event bus ${Name}`,
  look: async () => {
    await events.send(new DescribeEventBusCommand({ Name }));
    return 'there';
  },
});

const stateMachineCheck = ({ sfn }: Clients, stateMachineArn: string): Check => ({
  subject: `state machine ${lastPart(stateMachineArn, ':')}`,
  look: async () => activeOr((await sfn.send(new DescribeStateMachineCommand({ stateMachineArn }))).status),
});

const usageCheck = ({ sqs }: Clients, url: string): Check => ({
  subject: `usage queue ${lastPart(url, '/')}`,
  look: async () => `${count(await depthOf(sqs, url), 'report')} to be folded`,
});

const deadLetterCheck = ({ sqs }: Clients, url: string): Check => ({
  subject: `dead-letter queue ${lastPart(url, '/')}`,
  look: async () => {
    const depth = await depthOf(sqs, url);
    if (depth === 0) return 'empty';
    return {
      status: 'wrong',
      text: `${count(depth, 'message')} that nobody could act on: the attribute "reason" says why`,
    };
  },
});

const bucketCheck = ({ s3 }: Clients, Bucket: string): Check => ({
  subject: `bucket of the audit trail ${Bucket}`,
  look: async () => {
    await s3.send(new HeadBucketCommand({ Bucket }));
    return 'there';
  },
});

/** Approximate, as SQS counts. */
async function depthOf(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const AttributeNames = ['ApproximateNumberOfMessages' as const];
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
  return Number(Attributes['ApproximateNumberOfMessages'] ?? 0);
}

const activeOr = (status: string | undefined): Awaited<ReturnType<Check['look']>> =>
  status === 'ACTIVE'
    ? 'active'
    : { status: 'wrong', text: `it is ${status}, not ACTIVE: see the stack's events` };

const lastPart = (text: string, separator: string): string => text.split(separator).at(-1) ?? text;
