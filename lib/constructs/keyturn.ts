/** The construct that teams put into their CDK app: all of keyturn, from one keyturn.yaml. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Annotations,
  ArnFormat,
  AspectPriority,
  Aspects,
  Duration,
  RemovalPolicy,
  Stack,
  Stage,
} from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import {
  type IGrantable,
  type IPrincipal,
  type PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Bucket, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { EVENTS_TARGET_QUEUE_SAME_ACCOUNT } from 'aws-cdk-lib/cx-api';
import { Trigger } from 'aws-cdk-lib/triggers';
import { Construct, Dependable, type IConstruct } from 'constructs';
import type { CredentialInput } from '../config/schema.ts';
import { InvalidInput } from '../rotation/errors.ts';
import type { Registration } from '../rotation/register-credentials.ts';
import { registrationFile } from '../workflow/registration-file.ts';
import { parameterName, type StackParameter } from '../workflow/stack-parameters.ts';
import { type StepName, steps, type Use } from '../workflow/steps.ts';
import { acknowledgeWildcard, evidence, readable } from './acknowledge.ts';
import { Alarms } from './alarms.ts';
import { anchorChanges, auditBucket, productionRetention } from './audit-anchor.ts';
import { grantRoleLookup } from './consumer-roles.ts';
import { Dashboard } from './dashboard.ts';
import { type Declared, declared, type KeyturnObject } from './declared.ts';
import { type Grantable, grant, secretArn } from './grants.ts';
import { allow, type HandlerFunctionProps, handlerFunction } from './handler-function.ts';
import { ledgerTable } from './ledger-table.ts';
import { ownerTopic } from './owner-topic.ts';
import { RotationWorkflow } from './rotation-workflow.ts';
import { deadLetterQueue, everyMinute, grantSend, onRotateRequested, queue, takeFrom } from './triggers.ts';

/** Seconds for a thousand reports, each with many keys and minutes, and MiB for all of them at once. */
const fold = { timeout: 180, memory: 512 } as const;

/** Each paces its writes to a busy partition so that this many together do not pass what DynamoDB takes there. */
const foldsAtOnce = 5;

/** Room for 10,000 credentials: seconds, the most that Lambda allows, and MiB. */
const registration = { timeout: 900, memory: 1024 } as const;

export interface KeyturnProps {
  /** Path of the keyturn.yaml that declares issuers, targets and credentials, or the same as an object. */
  readonly config: string | KeyturnObject;
  /**
   * What the installation is called: in the default names of secrets (`<stack>`), and where the CLI looks for it
   * (`--stack`). Needed for a second one in the same stack.
   * @default the name of the stack; in a nested one, of the outermost around it
   */
  readonly name?: string;
  /**
   * How long S3 locks each object of the audit trail's anchor. `compliance` instead of `governance` holds against
   * everybody, the account's root included; neither can be shortened for what is written already.
   * @default governance for 365 days; none where the config says `mode: demo`
   */
  readonly auditRetention?: ObjectLockRetention;
}

/**
 * Installs keyturn: ledger, rotation workflow, bus, queues, schedule, and the credentials of `config`. What
 * `Credential` adds to these is checked and registered when the app is synthesized.
 *
 * @throws InvalidInput with every mistake in the config; nothing is synthesized then.
 *
 * @example
 * new Keyturn(this, 'Keyturn', { config: 'keyturn.yaml' });
 * @example
 * new Keyturn(this, 'Keyturn', { config: { issuers: { vendor: { type: 'http', … } } } });
 */
export class Keyturn extends Construct {
  /** What the installation is called; see the prop. */
  readonly name: string;
  /** Events in and out. */
  readonly bus: EventBus;
  /** Where consumers send their usage reports. */
  readonly usageQueue: Queue;
  readonly stateMachine: StateMachine;
  /** Where alarms go: subscribe whoever is on call. */
  readonly alarmTopic: Topic;
  /** What owners of credentials are asked and told: subscribe each with a filter. */
  readonly ownerTopic: Topic;
  /** Holds what the audit trail is compared with. */
  readonly auditBucket: Bucket;

  readonly #declared: Declared;
  readonly #key: Key;
  readonly #table: Table;
  readonly #sweepDue: NodejsFunction;
  readonly #environment: HandlerFunctionProps['environment'];

  constructor(scope: Construct, id: string, props: KeyturnProps) {
    super(scope, id);
    // Else a rule of any account could send to the queue of requests: CDK's condition is off where an app lacks the flag.
    this.node.setContext(EVENTS_TARGET_QUEUE_SAME_ACCOUNT, true);
    this.name = nameFor(this, props.name);
    this.#declared = declared(props.config, this.name);
    this.#key = this.encryptionKey();
    this.#table = ledgerTable(this, this.#key);
    this.bus = new EventBus(this, 'Bus', { description: 'keyturn: requests in, rotations out' });
    this.#environment = {
      table: this.#table.tableName,
      bus: this.bus.eventBusName,
      kmsKeyArn: this.#key.keyArn,
      mode: this.#declared.config.mode,
      stack: this.name,
    };

    const deadLetters = deadLetterQueue(this, this.#key);
    this.stateMachine = this.workflow();
    this.requests(deadLetters);
    this.usageQueue = this.usageIntake(deadLetters);
    this.#sweepDue = this.sweep(deadLetters);
    this.auditBucket = this.anchor(deadLetters, props.auditRetention);
    this.alarmTopic = this.watch(this.#sweepDue, deadLetters);
    const on = { installation: this.name, bus: this.bus, key: this.#key, deadLetters };
    this.ownerTopic = ownerTopic(this, on);
    this.parameters(deadLetters);
    this.registerAtSynthesis();
  }

  /** What `Credential` calls: one credential more, checked when the app is synthesized. @throws InvalidInput */
  addCredential(id: string, credential: CredentialInput): void {
    this.#declared.add(id, credential);
  }

  /**
   * Lets a consumer live with a rotated key: read its secret, and report its use.
   *
   * @param credentialId as in the config, or added by `Credential`.
   * @throws InvalidInput when there is no such credential, or when nothing can be added to the consumer's policies,
   * as with `AccountPrincipal` or a role imported with `mutable: false`; the text has what to add by hand.
   */
  grantUse(consumer: IGrantable, credentialId: string): void {
    const { name, kmsKeyArn } = this.#declared.secretOf(credentialId);
    // Not CDK's grants, which give more than a consumer uses.
    const statements = [
      allow(['secretsmanager:GetSecretValue'], [secretArn(Stack.of(this), `${name}-??????`)]),
      allow(['sqs:SendMessage'], [this.usageQueue.queueArn]),
      allow(['kms:Decrypt', 'kms:GenerateDataKey'], [this.#key.keyArn]),
      ...(kmsKeyArn === undefined ? [] : [allow(['kms:Decrypt'], [kmsKeyArn])]),
    ];
    const missing = statements.filter((statement) => !isAdded(consumer.grantPrincipal, statement));
    if (missing.length === 0) return;
    const byHand = missing.map((statement) => `\n${inWords(Stack.of(this), statement)}`).join('');
    throw new InvalidInput(
      `${consumer.grantPrincipal} cannot be given the use of credential "${credentialId}": CDK adds nothing to its policies. Leave the grant out and add by hand:${byHand}`,
    );
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
    const on: Grantable = {
      table: this.#table,
      bus: this.bus,
      key: this.#key,
      config: this.#declared.config,
    };
    grant(fn, uses, on);
    return fn;
  }

  private workflow(): StateMachine {
    const of = (name: StepName, id: string, entry: string): NodejsFunction => {
      const step = steps[name];
      const settings = { timeout: step.timeout, ...('memory' in step && { memory: step.memory }) };
      return this.handler(id, entry, step.uses, settings);
    };
    const functions = {
      begin: of('begin', 'Begin', 'begin'),
      issueKey: of('issueKey', 'IssueKey', 'issue-key'),
      verifyKey: of('verifyKey', 'VerifyKey', 'verify-key'),
      promoteKey: of('promoteKey', 'PromoteKey', 'promote-key'),
      deployKey: of('deployKey', 'DeployKey', 'deploy-key'),
      checkDrain: of('checkDrain', 'CheckDrain', 'check-drain'),
      askOwner: of('askOwner', 'AskOwner', 'ask-owner'),
      rollBack: of('rollBack', 'RollBack', 'roll-back'),
      disableKey: of('disableKey', 'DisableKey', 'disable-key'),
      checkBreakage: of('checkBreakage', 'CheckBreakage', 'check-breakage'),
      enableKey: of('enableKey', 'EnableKey', 'enable-key'),
      revokeKey: of('revokeKey', 'RevokeKey', 'revoke-key'),
      proveDead: of('proveDead', 'ProveDead', 'prove-dead'),
      complete: of('complete', 'Complete', 'complete'),
      abandon: of('abandon', 'Abandon', 'abandon'),
    };
    return new RotationWorkflow(this, 'Rotation', { functions, logKey: this.#key }).stateMachine;
  }

  private requests(deadLetters: Queue): void {
    const requests = queue(this, 'Requests', this.#key, deadLetters, { timeout: Duration.seconds(60) });
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
    grantSend(startRotation, deadLetters);
    onRotateRequested(this, { bus: this.bus, requests, deadLetters, startRotation });
  }

  private usageIntake(deadLetters: Queue): Queue {
    const window = Duration.seconds(this.#declared.config.mode === 'demo' ? 1 : 20);
    const usage = queue(this, 'Usage', this.#key, deadLetters, {
      timeout: Duration.seconds(fold.timeout),
      window,
    });
    const keptDays = Math.ceil(this.#declared.config.usage.keep / Duration.days(1).toSeconds());
    const foldUsage = this.handler('FoldUsage', 'fold-usage', ['usage.fold'], {
      ...fold,
      environment: { deadLetterQueueUrl: deadLetters.queueUrl, usageKeptDays: String(keptDays) },
    });
    grantSend(foldUsage, deadLetters);
    takeFrom(foldUsage, usage, { batchSize: 1000, maxBatchingWindow: window, maxConcurrency: foldsAtOnce });
    return usage;
  }

  /** To start a rotation, and to see what became of the execution that was started before. */
  private grantStart(fn: NodejsFunction): void {
    this.stateMachine.grantStartExecution(fn);
    const executions = Stack.of(this).formatArn({
      service: 'states',
      resource: 'execution',
      resourceName: `${this.stateMachine.stateMachineName}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    fn.addToRolePolicy(allow(['states:DescribeExecution'], [executions]));
    acknowledgeWildcard(fn.role ?? fn, executions, evidence.namesMadeLater);
  }

  private sweep(deadLetters: Queue): NodejsFunction {
    const sweep = this.handler(
      'SweepDue',
      'sweep-due',
      ['ledger.read', 'ledger.list', 'ledger.due', 'ledger.write'],
      {
        environment: { stateMachineArn: this.stateMachine.stateMachineArn },
      },
    );
    this.grantStart(sweep);
    everyMinute(this, sweep, deadLetters);
    return sweep;
  }

  private anchor(deadLetters: Queue, retention: ObjectLockRetention | undefined): Bucket {
    const inMode = this.#declared.config.mode === 'demo' ? undefined : productionRetention;
    const bucket = auditBucket(this, this.#key, retention ?? inMode);
    const recordEvent = this.handler('RecordEvent', 'record-event', [], {
      timeout: 30,
      environment: { auditBucket: bucket.bucketName },
      deadLetterQueue: deadLetters,
    });
    grantSend(recordEvent, deadLetters);
    anchorChanges(this, { bus: this.bus, bucket, key: this.#key, recordEvent, deadLetters });
    return bucket;
  }

  private watch(sweepDue: NodejsFunction, deadLetters: Queue): Topic {
    const on = { installation: this.name, deadLetters, stateMachine: this.stateMachine };
    const functions = this.node.children.filter((child) => child instanceof NodejsFunction);
    new Dashboard(this, 'Dashboard', { ...on, functions });
    return new Alarms(this, 'Alarms', { ...on, sweepDue, key: this.#key }).topic;
  }

  /** As late as can be: what is registered is in the function's bundle, and credentials may come until then. */
  private registerAtSynthesis(): void {
    let isDone = false;
    const visit = (node: IConstruct): void => {
      if (node !== this || isDone) return;
      this.register();
      isDone = true;
    };
    Aspects.of(this).add({ visit }, { priority: AspectPriority.MUTATING });
  }

  /** Runs at every deploy that changes what is declared: it is part of the function. */
  private register(): void {
    const { config, warnings } = this.#declared.close();
    if (warnings.length > 0) Annotations.of(this).addWarningV2('keyturn:config', warnings.join('\n'));
    const checked = join(Stage.of(this)?.assetOutdir ?? '', `${this.node.addr}-${registrationFile}`);
    const { issuers, accounts, targets, credentials, prefixes } = config;
    const all: Registration = { issuers, accounts, targets, credentials, prefixes };
    writeFileSync(checked, JSON.stringify(all));
    const parameter = parameterName(this.name, 'installation');
    const register = this.handler(
      'RegisterCredentials',
      'register-credentials',
      ['ledger.read', 'ledger.list', 'ledger.due', 'ledger.write'],
      {
        timeout: registration.timeout,
        memory: registration.memory,
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
    grantRoleLookup(register, config);
    grantRoleLookup(this.#sweepDue, config);
    new Trigger(this, 'Registration', {
      handler: register,
      timeout: Duration.seconds(registration.timeout),
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
      'audit-bucket': this.auditBucket.bucketName,
      'alarm-topic': this.alarmTopic.topicArn,
      'owner-topic': this.ownerTopic.topicArn,
    } satisfies Record<Exclude<StackParameter, 'installation'>, string>;
    for (const [name, stringValue] of Object.entries(values)) {
      new StringParameter(this, `Parameter-${name}`, {
        parameterName: parameterName(this.name, name as keyof typeof values),
        stringValue,
      });
    }
  }
}

/**
 * CDK says of an imported role that it may not change that it did add the statement; only that it names nothing that it
 * was added to tells. A role of the app itself has its reasons, such as `Role.customizeRoles`, which reports it.
 */
function isAdded(principal: IPrincipal, statement: PolicyStatement): boolean {
  const { statementAdded, policyDependable } = principal.addToPrincipalPolicy(statement);
  if (!statementAdded || Role.isRole(principal)) return statementAdded;
  return policyDependable !== undefined && Dependable.of(policyDependable).dependencyRoots.length > 0;
}

const inWords = (stack: Stack, { actions, resources }: PolicyStatement): string =>
  `${actions.join(', ')} on ${resources.map((arn) => readable(stack, arn)).join(', ')}`;

/** A nested stack's own name is known only to CloudFormation. */
function outermostStack(scope: Construct): Stack {
  const stack = Stack.of(scope);
  return stack.nestedStackParent ? outermostStack(stack.nestedStackParent) : stack;
}

/** @throws InvalidInput for a name that cannot be part of others, or that another installation has. */
function nameFor(keyturn: Keyturn, wanted: string | undefined): string {
  const stack = outermostStack(keyturn);
  const name = wanted ?? stack.stackName;
  if (!/^[A-Za-z0-9-]{1,128}$/.test(name)) {
    throw new InvalidInput(
      `the name ${JSON.stringify(name)} is not of letters, digits and dashes: give \`name\``,
    );
  }
  const isOther = (node: IConstruct) => node !== keyturn && node instanceof Keyturn && node.name === name;
  if (stack.node.findAll().some(isOther)) {
    throw new InvalidInput(
      `the stack has a keyturn named "${name}" already: give this one a \`name\` of its own`,
    );
  }
  return name;
}
