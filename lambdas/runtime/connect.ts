/** The composition root: joins ports to AWS. Each part is its own function, so a bundle holds only what it uses. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { adminSecrets } from '../../lib/aws/admin-secrets.ts';
import { documentClient } from '../../lib/aws/document-client.ts';
import { dynamoDbBlocks } from '../../lib/aws/dynamodb-blocks.ts';
import { dynamoDbInstallation } from '../../lib/aws/dynamodb-installation.ts';
import { dynamoDbIssuerLocks } from '../../lib/aws/dynamodb-issuer-locks.ts';
import { dynamoDbLedger } from '../../lib/aws/dynamodb-ledger.ts';
import { dynamoDbRequests } from '../../lib/aws/dynamodb-requests.ts';
import { dynamoDbUsageBook } from '../../lib/aws/dynamodb-usage-book.ts';
import { eventBridgeSink } from '../../lib/aws/event-bridge-sink.ts';
import { iamAccessKeys } from '../../lib/aws/iam-access-keys.ts';
import { iamRoles } from '../../lib/aws/iam-roles.ts';
import { lambdaFunctions } from '../../lib/aws/lambda-functions.ts';
import { nodeDigests } from '../../lib/aws/node-digests.ts';
import { type AuditRecorder, s3AuditAnchor } from '../../lib/aws/s3-audit-anchor.ts';
import { secretsManagerStore } from '../../lib/aws/secrets-manager-store.ts';
import { sqsDeadLetters } from '../../lib/aws/sqs-dead-letters.ts';
import { ssmParameters } from '../../lib/aws/ssm-parameters.ts';
import { stepFunctionsExecutions } from '../../lib/aws/step-functions-executions.ts';
import { systemClock } from '../../lib/aws/system-clock.ts';
import { readEnvironment } from '../../lib/config/environment.ts';
import { connectIssuer } from '../../lib/issuers/index.ts';
import { millisecondsFor } from '../../lib/plug-ins/patience.ts';
import type { Issuers, Targets } from '../../lib/rotation/ports.ts';
import type { TargetWorld } from '../../lib/targets/define-target.ts';
import { connectTarget } from '../../lib/targets/index.ts';
import { countsReachOf } from '../../lib/usage/usage-book.ts';
import { invocation } from './invocation.ts';
import { metrics } from './telemetry.ts';

/** Fails fast: a step that is throttled is retried by the workflow, which waits better than a client. */
const client = { maxAttempts: 4 } as const;

/** Seconds for one call to IAM or STS. */
const iamTimeout = 10;

/** Nobody waits for it, and IAM throttles the whole account: a client that slows down by itself. */
const gently = {
  maxAttempts: 5,
  retryMode: 'adaptive',
  requestHandler: { connectionTimeout: 2000, requestTimeout: 5000 },
} as const;

/** What every use-case needs. */
const common = () => ({ clock: systemClock, digests: nodeDigests, metrics, invocation });

/** One client per process, whatever is joined to it: each opens connections and resolves credentials of its own. */
const once = <T>(make: () => T): (() => T) => {
  let made: { readonly it: T } | undefined;
  return () => {
    made ??= { it: make() };
    return made.it;
  };
};

// Pure, so that a bundle that uses neither carries no client of theirs.
const table = /* @__PURE__ */ once(() => ({
  client: documentClient(new DynamoDBClient(client)),
  table: readEnvironment('table').table,
}));

const secretsManager = /* @__PURE__ */ once(() => new SecretsManagerClient(client));

export const withLedger = () => ({ ...common(), ledger: dynamoDbLedger(table()) });

export const withUsage = () => ({ usage: dynamoDbUsageBook(table()) });

/** The same for who writes it. */
export const withUsageIntake = () => {
  const { usageKeptDays } = readEnvironment('usageKeptDays');
  return {
    usageBook: dynamoDbUsageBook(table(), { usageKeptDays }),
    countsReach: countsReachOf(usageKeptDays),
  };
};

/** The ledger, and the bus that hears of its changes. */
export const withRotation = () => ({
  ...withLedger(),
  events: eventBridgeSink({ client: new EventBridgeClient(client), bus: readEnvironment('bus').bus }),
});

export const withSecrets = () => ({
  secrets: secretsManagerStore({
    client: secretsManager(),
    kmsKeyId: readEnvironment('kmsKeyArn').kmsKeyArn,
  }),
});

export const withIssuers = () => {
  const on = table();
  const blocks = dynamoDbBlocks(on, 'issuerBlock');
  const secret = adminSecrets(secretsManager());
  const { mode } = readEnvironment('mode');
  const patience = { clock: systemClock, deadline: () => invocation.deadline };
  const accessKeys = iamAccessKeys({ milliseconds: () => millisecondsFor(patience, iamTimeout) });
  const world = { mode, secret, fetch, accessKeys, ...patience };
  const issuers: Issuers = {
    connect: async (name) => connectIssuer(await blocks.get(name), world),
  };
  return { issuers, issuerLocks: dynamoDbIssuerLocks(on) };
};

export const withTargets = () => {
  const blocks = dynamoDbBlocks(table(), 'targetBlock');
  const world: TargetWorld = {
    mode: readEnvironment('mode').mode,
    parameters: ssmParameters(new SSMClient(client)),
    functions: lambdaFunctions(new LambdaClient(client)),
    secret: adminSecrets(secretsManager()),
    fetch,
    clock: systemClock,
    deadline: () => invocation.deadline,
  };
  const targets: Targets = {
    connect: async (name) => connectTarget(await blocks.get(name), world),
  };
  return { targets };
};

export const withRegistration = () => {
  const on = table();
  return {
    issuerBlocks: dynamoDbBlocks(on, 'issuerBlock'),
    targetBlocks: dynamoDbBlocks(on, 'targetBlock'),
    installation: dynamoDbInstallation(on),
    ...withRoles(),
  };
};

export const withRoles = () => ({ roles: iamRoles(new IAMClient(gently)) });

export const withExecutions = () => ({
  executions: stepFunctionsExecutions({
    client: new SFNClient(client),
    stateMachineArn: readEnvironment('stateMachineArn').stateMachineArn,
  }),
});

export const withRequests = () => ({ requests: dynamoDbRequests(table()) });

export const withDeadLetters = () => ({
  deadLetters: sqsDeadLetters(
    new SQSClient(client),
    readEnvironment('deadLetterQueueUrl').deadLetterQueueUrl,
  ),
});

export const withAuditRecorder = (): { readonly auditRecorder: AuditRecorder } => ({
  auditRecorder: s3AuditAnchor({
    client: new S3Client(client),
    bucket: readEnvironment('auditBucket').auditBucket,
  }),
});
