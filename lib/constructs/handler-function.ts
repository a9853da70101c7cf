/** A Lambda function of keyturn: one handler file, its own role, its own log group, nothing else. */
import { join, resolve } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Architecture, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { type ICommandHooks, NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { type EnvironmentField, writeEnvironment } from '../config/environment.ts';
import { acknowledge, acknowledgeWildcard, evidence } from './acknowledge.ts';
import { bundling } from './bundling.ts';

const root = join(import.meta.dirname, '..', '..');

export interface HandlerFunctionProps {
  /** File in `lambdas/`, without its ending. */
  readonly entry: string;
  /** Seconds. */
  readonly timeout: number;
  /** MiB; Lambda gives CPU in proportion. @default 256 */
  readonly memory?: number;
  /** Values by their names in `lib/config/environment.ts`. */
  readonly environment: Readonly<Partial<Record<EnvironmentField, string>>>;
  readonly logKey: IKey;
  /** Where Lambda puts what an asynchronous call could not be made to do; only for functions that events go to. */
  readonly deadLetterQueue?: Queue;
  /** Files that go into the bundle as they are: path here → name beside the handler. */
  readonly files?: Readonly<Record<string, string>>;
}

export function handlerFunction(scope: Construct, id: string, props: HandlerFunctionProps): NodejsFunction {
  const logGroup = new LogGroup(scope, `${id}Logs`, {
    retention: RetentionDays.ONE_MONTH,
    encryptionKey: props.logKey,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  logGroup.grantWrite(role);
  const fn = new NodejsFunction(scope, id, {
    entry: join(root, 'lambdas', `${props.entry}.ts`),
    projectRoot: root,
    depsLockFilePath: join(root, 'package-lock.json'),
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: props.memory ?? 256,
    timeout: Duration.seconds(props.timeout),
    tracing: Tracing.ACTIVE,
    ...(props.deadLetterQueue && { deadLetterQueue: props.deadLetterQueue }),
    role,
    logGroup,
    bundling: { ...bundling, commandHooks: copying(props.files ?? {}) },
    environment: writeEnvironment(props.environment),
  });
  acknowledgeWildcard(role, '*', evidence.noResource);
  if (!props.deadLetterQueue) acknowledge(fn, 'Serverless-LambdaDLQ', evidence.comesAgain);
  return fn;
}

const copying = (files: Readonly<Record<string, string>>): ICommandHooks => ({
  beforeBundling: () => [],
  beforeInstall: () => [],
  afterBundling: (_input, output) =>
    Object.entries(files).map(
      ([path, name]) => `cp ${JSON.stringify(resolve(path))} ${JSON.stringify(join(output, name))}`,
    ),
});

/** `allow(actions, resources)`: a statement without its ceremony. */
export const allow = (actions: readonly string[], resources: readonly string[]): PolicyStatement =>
  new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources: [...resources] });
