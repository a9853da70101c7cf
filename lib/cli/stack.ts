/** Finds a deployed keyturn by its stack's name, and joins the commands' ports to it. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetParametersCommand, SSMClient, type SSMClientConfig } from '@aws-sdk/client-ssm';
import { documentClient } from '../aws/document-client.ts';
import { dynamoDbLedger } from '../aws/dynamodb-ledger.ts';
import { dynamoDbRequests } from '../aws/dynamodb-requests.ts';
import { dynamoDbUsageBook } from '../aws/dynamodb-usage-book.ts';
import { systemClock } from '../aws/system-clock.ts';
import type { Ledger, Ports, Requests } from '../rotation/ports.ts';
import { rotateRequested } from '../workflow/events.ts';
import { parameterName, type StackParameter, stackParameters } from '../workflow/stack-parameters.ts';
import { Failure } from './failure.ts';

/** What the commands need of a deployed keyturn. */
export interface Stack extends Pick<Ports, 'usage' | 'clock'> {
  readonly name: string;
  readonly ledger: Pick<Ledger, 'load' | 'credentials' | 'rotations'>;
  readonly requests: Pick<Requests, 'find'>;
  /** Puts `Rotate Requested` on the bus. @returns the event's id, under which `requests` has the answer. */
  ask(request: { readonly credential: string; readonly reason: string }): Promise<string>;
}

/** @throws Failure with exit code 2 when there is no such stack. */
export type ConnectStack = (name: string) => Promise<Stack>;

export type StackAddresses = Readonly<Record<StackParameter, string>>;

/** Region, endpoint and credentials, where they are not those of the environment. */
export type AwsConfig = Pick<SSMClientConfig, 'region' | 'endpoint' | 'credentials'>;

export const connectStack: ConnectStack = (name) => connectStackWith(name, {});

export async function connectStackWith(name: string, config: AwsConfig): Promise<Stack> {
  const { table, bus } = await stackAddresses(name, config);
  const on = { client: documentClient(new DynamoDBClient(config)), table };
  const events = new EventBridgeClient(config);
  return {
    name,
    clock: systemClock,
    ledger: dynamoDbLedger(on),
    usage: dynamoDbUsageBook(on),
    requests: dynamoDbRequests(on),
    ask: (request) => putRequest(events, bus, request),
  };
}

/** @throws Failure that says where it has looked. */
export async function stackAddresses(name: string, config: AwsConfig): Promise<StackAddresses> {
  const ssm = new SSMClient(config);
  const place = where(config, await ssm.config.region());
  const Names = stackParameters.map((each) => parameterName(name, each));
  const { Parameters = [] } = await ssm.send(new GetParametersCommand({ Names }));
  const found = new Map(Parameters.map(({ Name, Value }) => [Name, Value]));
  const value = (each: StackParameter): string => {
    const text = found.get(parameterName(name, each));
    if (text === undefined) throw new Failure(notDeployed(name, parameterName(name, each), place), 2);
    return text;
  };
  const values = stackParameters.map((each) => [each, value(each)]);
  return Object.fromEntries(values) as StackAddresses;
}

const notDeployed = (stack: string, parameter: string, place: string): string =>
  `no keyturn is deployed as stack "${stack}" in ${place} (Parameter Store has no ${parameter}): deploy it, name another stack with --stack or KEYTURN_STACK, or choose another account or region with AWS_PROFILE and AWS_REGION`;

function where({ endpoint }: AwsConfig, region: string): string {
  const { AWS_ENDPOINT_URL: fromEnvironment } = process.env;
  const address = endpoint ?? fromEnvironment;
  return typeof address === 'string' ? `${region} at ${address}` : region;
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
