/** Finds a deployed keyturn by its stack's name, and joins the commands' ports to it. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { GetParametersCommand, SSMClient, type SSMClientConfig } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { documentClient } from '../aws/document-client.ts';
import { dynamoDbLedger } from '../aws/dynamodb-ledger.ts';
import { dynamoDbRequests } from '../aws/dynamodb-requests.ts';
import { dynamoDbUsageBook } from '../aws/dynamodb-usage-book.ts';
import { eventBridgeSink } from '../aws/event-bridge-sink.ts';
import { nodeDigests } from '../aws/node-digests.ts';
import { type AuditAnchor, s3AuditAnchor } from '../aws/s3-audit-anchor.ts';
import { secretsManagerStore } from '../aws/secrets-manager-store.ts';
import { stepFunctionsExecutions } from '../aws/step-functions-executions.ts';
import { systemClock } from '../aws/system-clock.ts';
import type { Ports, Requests, SecretStore } from '../rotation/ports.ts';
import type { UsageBook } from '../usage/usage-book.ts';
import { rotateRequested } from '../workflow/events.ts';
import { parameterName, type StackParameter, stackParameters } from '../workflow/stack-parameters.ts';
import type { Check } from './doctor/finding.ts';
import { partsOf } from './doctor/parts.ts';
import { Failure } from './failure.ts';
import { type PlugIns, plugIns } from './plug-ins.ts';

/** What the commands need of a deployed keyturn. */
export interface Stack
  extends PlugIns,
    Pick<Ports, 'ledger' | 'events' | 'clock' | 'digests' | 'executions' | 'metrics'> {
  readonly name: string;
  readonly usage: Pick<UsageBook, 'presence' | 'usage' | 'days'>;
  readonly requests: Pick<Requests, 'find'>;
  readonly secrets: Pick<SecretStore, 'describe'>;
  /** Copies of the audit trail outside the table; undefined in a stack that keeps none. */
  readonly anchor: AuditAnchor | undefined;
  /** What can be looked at to see whether the stack is whole. */
  readonly parts: readonly Check[];
  /** Puts `Rotate Requested` on the bus. @returns the event's id, under which `requests` has the answer. */
  ask(request: { readonly credential: string; readonly reason: string }): Promise<string>;
  /** Who is at the command line, as AWS names them. */
  caller(): Promise<string>;
}

/** @throws Failure with exit code 2 when there is no such stack. */
export type ConnectStack = (name: string) => Promise<Stack>;

/** Without these there is no keyturn; the others came later, or are written by the first registration. */
const essential = [
  'table',
  'bus',
  'state-machine',
  'usage-queue',
  'dead-letter-queue',
] as const satisfies readonly StackParameter[];

export type StackAddresses = Readonly<
  Record<(typeof essential)[number], string> & Partial<Record<StackParameter, string>>
>;

/** Region, endpoint and credentials, where they are not those of the environment. */
export type AwsConfig = Pick<SSMClientConfig, 'region' | 'endpoint' | 'credentials'>;

export const connectStack: ConnectStack = (name) => connectStackWith(name, {});

export async function connectStackWith(name: string, config: AwsConfig): Promise<Stack> {
  const addresses = await stackAddresses(name, config);
  const { bus, 'audit-bucket': bucket } = addresses;
  const dynamoDb = new DynamoDBClient(config);
  const on = { client: documentClient(dynamoDb), table: addresses.table };
  const events = new EventBridgeClient(config);
  const s3 = new S3Client({ ...config, forcePathStyle: endpointOf(config) !== undefined });
  const sfn = new SFNClient(config);
  const secretsManager = new SecretsManagerClient(config);
  return {
    name,
    clock: systemClock,
    digests: nodeDigests,
    metrics: uncounted,
    ledger: dynamoDbLedger(on),
    events: eventBridgeSink({ client: events, bus }),
    usage: dynamoDbUsageBook(on),
    requests: dynamoDbRequests(on),
    executions: stepFunctionsExecutions({ client: sfn, stateMachineArn: addresses['state-machine'] }),
    ...plugIns(config, on, secretsManager),
    secrets: secretsManagerStore({ client: secretsManager }),
    anchor: bucket === undefined ? undefined : s3AuditAnchor({ client: s3, bucket }),
    parts: partsOf(name, addresses, { dynamoDb, events, s3, sfn, sqs: new SQSClient(config) }),
    ask: (request) => putRequest(events, bus, request),
    caller: async () => (await new STSClient(config).send(new GetCallerIdentityCommand({}))).Arn ?? 'unknown',
  };
}

/** Whoever is at the terminal sees for themselves. */
const uncounted = { count: () => {}, gauge: () => {} };

/** @throws Failure that says where it has looked. */
export async function stackAddresses(name: string, config: AwsConfig): Promise<StackAddresses> {
  const ssm = new SSMClient(config);
  const place = where(config, await ssm.config.region());
  const Names = stackParameters.map((each) => parameterName(name, each));
  const { Parameters = [] } = await ssm.send(new GetParametersCommand({ Names }));
  const found = new Map(Parameters.map(({ Name, Value }) => [Name, Value]));
  const missing = essential.find((each) => found.get(parameterName(name, each)) === undefined);
  if (missing) throw new Failure(notDeployed(name, parameterName(name, missing), place), 2);
  const values = stackParameters.map((each) => [each, found.get(parameterName(name, each))]);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as StackAddresses;
}

const notDeployed = (stack: string, parameter: string, place: string): string =>
  `no keyturn is deployed as stack "${stack}" in ${place} (Parameter Store has no ${parameter}): deploy it, name another stack with --stack or KEYTURN_STACK, or choose another account or region with AWS_PROFILE and AWS_REGION`;

function where(config: AwsConfig, region: string): string {
  const address = endpointOf(config);
  return typeof address === 'string' ? `${region} at ${address}` : region;
}

/** Where AWS is not where it always is. */
function endpointOf({ endpoint }: AwsConfig): AwsConfig['endpoint'] {
  const { AWS_ENDPOINT_URL: fromEnvironment } = process.env;
  return endpoint ?? fromEnvironment;
}

async function putRequest(
  events: EventBridgeClient,
  bus: string,
  { credential, reason }: { readonly credential: string; readonly reason: string },
): Promise<string> {
  const entry = {
    EventBusName: bus,
    Source: 'keyturn-cli',
    DetailType: rotateRequested.detailType,
    Detail: JSON.stringify({ schemaVersion: 1, credential, reason }),
  };
  const { Entries: [answer] = [] } = await events.send(new PutEventsCommand({ Entries: [entry] }));
  if (answer?.EventId) return answer.EventId;
  throw new Failure(
    `event bus ${bus} refused the request (${answer?.ErrorCode ?? 'no reason given'}): try again`,
  );
}
