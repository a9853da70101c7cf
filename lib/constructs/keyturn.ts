/** The construct that teams put into their CDK app: all of keyturn, from one keyturn.yaml. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy, Stack, Stage } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { type IGrantable, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { EVENTS_TARGET_QUEUE_SAME_ACCOUNT } from 'aws-cdk-lib/cx-api';
import { Trigger } from 'aws-cdk-lib/triggers';
import { Construct } from 'constructs';
import { type KeyturnConfig, parseKeyturnFile } from '../config/keyturn-file.ts';
import { InvalidInput } from '../rotation/errors.ts';
import { registrationFile } from '../workflow/registration-file.ts';
import { parameterName, type StackParameter } from '../workflow/stack-parameters.ts';
import { type StepName, steps, type Use } from '../workflow/steps.ts';
import { type Grantable, grant, secretArn } from './grants.ts';
import { allow, type HandlerFunctionProps, handlerFunction } from './handler-function.ts';
import { ledgerTable } from './ledger-table.ts';
import { RotationWorkflow } from './rotation-workflow.ts';
import { everyMinute, onRotateRequested, queue } from './triggers.ts';

export interface KeyturnProps {
  /** Path of the keyturn.yaml that declares issuers and credentials. */
  readonly config: string;
}

/**
 * Installs keyturn: ledger, rotation workflow, bus, queues, schedule, and the credentials of `config`.
 *
 * @throws InvalidInput with every mistake in the file; nothing is synthesized then.
 *
 * @example
 * new Keyturn(this, 'Keyturn', { config: 'keyturn.yaml' });
 */
export class Keyturn extends Construct {
  /** Events in and out. */
  readonly bus: EventBus;
  /** Where consumers send their usage reports. */
  readonly usageQueue: Queue;
  readonly stateMachine: StateMachine;

  readonly #config: KeyturnConfig;
  readonly #key: Key;
  readonly #table: Table;
  readonly #environment: HandlerFunctionProps['environment'];

  constructor(scope: Construct, id: string, props: KeyturnProps) {
    super(scope, id);
    // Else a rule of any account could send to the queue of requests: CDK's condition is off where an app lacks the flag.
    this.node.setContext(EVENTS_TARGET_QUEUE_SAME_ACCOUNT, true);
    const stack = Stack.of(this);
    this.#config = readConfig(props.config, stack.stackName);
    this.#key = this.encryptionKey();
    this.#table = ledgerTable(this, this.#key);
    this.bus = new EventBus(this, 'Bus', { description: 'keyturn: requests in, rotations out' });
    this.#environment = {
      table: this.#table.tableName,
      bus: this.bus.eventBusName,
      kmsKeyArn: this.#key.keyArn,
      mode: this.#config.mode,
    };

    const deadLetters = queue(this, 'DeadLetters', this.#key);
    this.stateMachine = this.workflow();
    this.requests(deadLetters);
    this.usageQueue = this.usageIntake(deadLetters);
    this.sweep(deadLetters);
    this.register();
    this.parameters(deadLetters);
  }

  /**
   * Lets a consumer live with a rotated key: read its secret, and report its use.
   *
   * @param credentialId as in keyturn.yaml.
   * @throws InvalidInput when keyturn.yaml has no such credential.
   */
  grantUse(consumer: IGrantable, credentialId: string): void {
    const credential = this.#config.credentials[credentialId];
    if (!credential) {
      const known = Object.keys(this.#config.credentials).join(', ');
      throw new InvalidInput(`keyturn.yaml has no credential "${credentialId}": expected one of ${known}`);
    }
    // Not CDK's grants, which give more than a consumer uses.
    const statements = [
      allow(
        ['secretsmanager:GetSecretValue'],
        [secretArn(Stack.of(this), `${credential.secret.name}-??????`)],
      ),
      allow(['sqs:SendMessage'], [this.usageQueue.queueArn]),
      allow(['kms:Decrypt', 'kms:GenerateDataKey'], [this.#key.keyArn]),
    ];
    for (const statement of statements) consumer.grantPrincipal.addToPrincipalPolicy(statement);
  }

  private encryptionKey(): Key {
    const key = new Key(this, 'Key', {
      description: 'keyturn: ledger, keys, queues and logs',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    key.grantEncryptDecrypt(new ServicePrincipal(`logs.${Stack.of(this).region}.amazonaws.com`));
    return key;
  }

  /** A function with the rights of what it uses, and no others. */
  private handler(
    id: string,
    entry: string,
    uses: readonly Use[],
    more: Partial<HandlerFunctionProps> = {},
  ): NodejsFunction {
    const fn = handlerFunction(this, id, {
      entry,
      timeout: 60,
      logKey: this.#key,
      ...more,
      environment: { ...this.#environment, ...more.environment },
    });
    const on: Grantable = { table: this.#table, bus: this.bus, key: this.#key, config: this.#config };
    grant(fn, uses, on);
    return fn;
  }

  private workflow(): StateMachine {
    const of = (name: StepName, id: string, entry: string): NodejsFunction =>
      this.handler(id, entry, steps[name].uses, { timeout: steps[name].timeout });
    const functions = {
      begin: of('begin', 'Begin', 'begin'),
      issueKey: of('issueKey', 'IssueKey', 'issue-key'),
      verifyKey: of('verifyKey', 'VerifyKey', 'verify-key'),
      promoteKey: of('promoteKey', 'PromoteKey', 'promote-key'),
      checkDrain: of('checkDrain', 'CheckDrain', 'check-drain'),
      revokeKey: of('revokeKey', 'RevokeKey', 'revoke-key'),
      proveDead: of('proveDead', 'ProveDead', 'prove-dead'),
      complete: of('complete', 'Complete', 'complete'),
      abandon: of('abandon', 'Abandon', 'abandon'),
    };
    return new RotationWorkflow(this, 'Rotation', { functions, logKey: this.#key }).stateMachine;
  }

  private requests(deadLetters: Queue): void {
    const requests = queue(this, 'Requests', this.#key, deadLetters, Duration.seconds(60));
    const startRotation = this.handler(
      'StartRotation',
      'start-rotation',
      ['ledger.read', 'ledger.write', 'events.put'],
      {
        environment: {
          stateMachineArn: this.stateMachine.stateMachineArn,
          deadLetterQueueUrl: deadLetters.queueUrl,
        },
      },
    );
    this.grantStart(startRotation);
    deadLetters.grantSendMessages(startRotation);
    onRotateRequested(this, { bus: this.bus, requests, startRotation });
  }

  private usageIntake(deadLetters: Queue): Queue {
    const usage = queue(this, 'Usage', this.#key, deadLetters, Duration.seconds(60));
    const fold = this.handler('FoldUsage', 'fold-usage', ['ledger.read', 'ledger.write'], {
      environment: { deadLetterQueueUrl: deadLetters.queueUrl },
    });
    deadLetters.grantSendMessages(fold);
    fold.addEventSource(
      new SqsEventSource(usage, {
        batchSize: 1000,
        maxBatchingWindow: Duration.seconds(this.#config.mode === 'demo' ? 1 : 20),
        reportBatchItemFailures: true,
      }),
    );
    return usage;
  }

  /** To start a rotation, and to see what became of the execution that was started before. */
  private grantStart(fn: NodejsFunction): void {
    this.stateMachine.grantStartExecution(fn);
    this.stateMachine.grantExecution(fn, 'states:DescribeExecution');
  }

  private sweep(deadLetters: Queue): void {
    const sweep = this.handler('SweepDue', 'sweep-due', ['ledger.read'], {
      environment: { stateMachineArn: this.stateMachine.stateMachineArn },
    });
    this.grantStart(sweep);
    everyMinute(this, sweep, deadLetters);
  }

  /** Runs at every deploy that changes keyturn.yaml: what the file says is part of the function. */
  private register(): void {
    const checked = join(Stage.of(this)?.assetOutdir ?? '', `${this.node.addr}-${registrationFile}`);
    writeFileSync(checked, JSON.stringify(this.#config));
    const parameter = parameterName(Stack.of(this).stackName, 'installation');
    const register = this.handler(
      'RegisterCredentials',
      'register-credentials',
      ['ledger.read', 'ledger.write'],
      {
        timeout: 120,
        files: { [checked]: registrationFile },
        environment: {
          installationParameter: parameter,
          stateMachineArn: this.stateMachine.stateMachineArn,
        },
      },
    );
    this.grantStart(register);
    const arn = Stack.of(this).formatArn({
      service: 'ssm',
      resource: 'parameter',
      resourceName: parameter.slice(1),
    });
    register.addToRolePolicy(allow(['ssm:PutParameter'], [arn]));
    new Trigger(this, 'Registration', {
      handler: register,
      timeout: Duration.seconds(120),
      executeAfter: [register, this.#table, this.stateMachine],
    });
  }

  /** Where tools find the stack. */
  private parameters(deadLetters: Queue): void {
    const values = {
      table: this.#table.tableName,
      bus: this.bus.eventBusName,
      'state-machine': this.stateMachine.stateMachineArn,
      'usage-queue': this.usageQueue.queueUrl,
      'dead-letter-queue': deadLetters.queueUrl,
    } satisfies Record<Exclude<StackParameter, 'installation'>, string>;
    for (const [name, stringValue] of Object.entries(values)) {
      new StringParameter(this, `Parameter-${name}`, {
        parameterName: parameterName(Stack.of(this).stackName, name as keyof typeof values),
        stringValue,
      });
    }
  }
}

function readConfig(path: string, stack: string): KeyturnConfig {
  if (!existsSync(path)) {
    throw new InvalidInput(
      `there is no file ${path}: write one (examples/verdaccio/keyturn.yaml shows how), or name another with -c config=<path>`,
    );
  }
  return parseKeyturnFile(readFileSync(path, 'utf8'), { stack, fileName: path });
}
