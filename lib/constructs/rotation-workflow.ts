/** The rotation state machine: one Task per step, the waits between them, and where each failure goes. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  Choice,
  Condition,
  DefinitionBody,
  Errors,
  Fail,
  type IChainable,
  JitterType,
  LogLevel,
  Map as MapState,
  Pass,
  ProvideItems,
  QueryLanguage,
  StateMachine,
  StateMachineType,
  Succeed,
  TaskInput,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { endsWithoutEffect, neverMended, notWorthRetrying, routed } from '../rotation/errors.ts';
import { type StepName, steps } from '../workflow/steps.ts';
import { acknowledgeWildcard, evidence } from './acknowledge.ts';

export interface RotationWorkflowProps {
  /** The function of each step. */
  readonly functions: Readonly<Record<StepName, NodejsFunction>>;
  readonly logKey: IKey;
}

/** What a Choice reads: every verdict that branches names the next step. */
const nextIs = (step: string): Condition => Condition.jsonata(`{% $states.input.next = '${step}' %}`);

/** Every step gets what the execution was started with, so the state can't grow and a secret has no way in. */
const executionInput = '$states.context.Execution.Input';

/** Seconds in which an issuer's other credentials have had their turns. */
const turnsAtTheIssuer = 3600;

export class RotationWorkflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, { functions, logKey }: RotationWorkflowProps) {
    super(scope, id);

    const begin = this.step('Begin', 'begin', functions);
    const issue = this.step('Issue key', 'issueKey', functions);
    const verify = this.step('Verify key', 'verifyKey', functions);
    const promote = this.untilDone('Promote key', 'promoteKey', functions);
    const windowWait = Wait.jsonata(this, 'Wait for window', {
      time: WaitTime.timestamp('{% $states.input.lookAt %}'),
    });
    const deploy = this.deployment(functions);
    const graceWait = Wait.jsonata(this, 'Wait out grace', {
      time: WaitTime.timestamp('{% $states.input.lookAt %}'),
    });
    const check = this.untilDone('Check drain', 'checkDrain', functions);
    const revoke = this.untilDone('Revoke key', 'revokeKey', functions);
    const prove = this.untilDone('Prove dead', 'proveDead', functions);
    const complete = this.untilDone('Complete', 'complete', functions);
    const abandon = this.abandonStep(functions);
    const ended = new Succeed(this, 'Ended without effect', {
      comment: 'Somebody else owns the credential.',
    });
    const blocked = new Fail(this, 'Blocked', {
      error: 'UnknownKeyFound',
      cause:
        'The issuer lists a key that keyturn cannot prove to be its own, or has no room for another. Nothing was revoked.',
    });

    const busy = new Fail(this, 'Busy', {
      error: 'StepBusy',
      cause:
        'Another invocation, or another credential of the same issuer, did not let go in time. Nothing was undone.',
    });

    issue.addCatch(revoke, { errors: ['OrphanFound'] });
    issue.addCatch(blocked, { errors: ['UnknownKeyFound'] });
    complete.addCatch(revoke, { errors: ['OrphanFound'] });
    for (const each of [begin, issue, verify, promote, check, revoke, prove, complete, abandon]) {
      each.addCatch(ended, { errors: [...endsWithoutEffect] });
    }
    // Begin as well: it may have taken the lock before it failed, and nobody else would let go of it.
    for (const beforeCommit of [begin, issue, verify, promote]) {
      beforeCommit.addCatch(busy, { errors: ['StepBusy'] });
      beforeCommit.addCatch(abandon, {
        errors: [Errors.ALL],
        outputs: { failure: '{% $states.errorOutput %}' },
      });
    }

    graceWait.next(check);
    // Each state and Choice is billed: rare ways go through steps that have nothing to do there, and pass them on.
    issue.next(verify).next(promote);
    // A key may have been revoked, or have ended, while it waited.
    windowWait.next(verify);
    promote.next(
      new Choice(this, 'Promoted?', { queryLanguage: QueryLanguage.JSONATA })
        .when(nextIs('wait'), windowWait)
        .when(nextIs('verifyKey'), verify)
        .when(nextIs('deployKey'), deploy)
        .when(nextIs('complete'), complete)
        .otherwise(graceWait),
    );
    deploy.next(graceWait);
    check.next(
      new Choice(this, 'Drained?', { queryLanguage: QueryLanguage.JSONATA })
        .when(nextIs('wait'), graceWait)
        .when(nextIs('deployKey'), deploy)
        .when(nextIs('revokeKey'), revoke)
        .when(nextIs('complete'), complete)
        .otherwise(ended),
    );
    revoke.next(prove);
    prove.next(
      new Choice(this, 'Whose proof?', { queryLanguage: QueryLanguage.JSONATA })
        .when(nextIs('complete'), complete)
        .when(nextIs('issueKey'), issue)
        .when(nextIs('checkDrain'), check)
        .when(nextIs('end'), ended)
        .otherwise(abandon),
    );
    abandon.next(
      new Choice(this, 'Abandoned?', { queryLanguage: QueryLanguage.JSONATA })
        .when(nextIs('revokeKey'), revoke)
        .when(nextIs('proveDead'), prove)
        .otherwise(new Succeed(this, 'Abandoned')),
    );
    const start = begin.next(
      new Choice(this, 'Where to?', { queryLanguage: QueryLanguage.JSONATA })
        .when(nextIs('issueKey'), issue)
        .when(nextIs('verifyKey'), verify)
        .when(nextIs('promoteKey'), promote)
        .when(nextIs('checkDrain'), check)
        .when(nextIs('revokeKey'), revoke)
        .when(nextIs('proveDead'), prove)
        .when(nextIs('complete'), complete)
        .when(nextIs('abandon'), abandon)
        .when(nextIs('blocked'), blocked)
        .otherwise(ended),
    );
    this.stateMachine = this.machine(start, logKey);
    for (const { functionArn } of Object.values(functions)) {
      acknowledgeWildcard(this.stateMachine, `${functionArn}:*`, evidence.versionsOfTheSame);
    }
    acknowledgeWildcard(this.stateMachine, '*', evidence.noResource);
  }

  /** A step whose failure is retried for a while and then abandons the rotation. */
  private step(id: string, name: StepName, functions: RotationWorkflowProps['functions']): LambdaInvoke {
    const task = this.task(id, name, functions);
    this.retryWhenBusy(task, name);
    task.addRetry({
      errors: [...routed, ...endsWithoutEffect, ...notWorthRetrying],
      maxAttempts: 0,
    });
    task.addRetry({
      errors: [Errors.ALL],
      interval: Duration.seconds(2),
      backoffRate: 2,
      maxDelay: Duration.minutes(1),
      maxAttempts: 6,
      jitterStrategy: JitterType.FULL,
    });
    return task;
  }

  /**
   * A step that is tried for 30 days, hourly in the end, since there is no way back from it. No jitter, which would
   * halve the days.
   */
  private untilDone(
    id: string,
    name: StepName,
    functions: RotationWorkflowProps['functions'],
    payload?: string,
  ): LambdaInvoke {
    const task = this.task(id, name, functions, payload);
    this.retryWhenBusy(task, name);
    task.addRetry({ errors: [...routed, ...endsWithoutEffect, ...neverMended], maxAttempts: 0 });
    task.addRetry({
      errors: [Errors.ALL],
      interval: Duration.seconds(5),
      backoffRate: 2,
      maxDelay: Duration.hours(1),
      maxAttempts: 730,
    });
    return task;
  }

  /**
   * One Deploy key per target. A target that fails for longer than an hour, or for good, is left behind for now: it
   * holds the old key, and Check drain comes back to it.
   */
  private deployment(functions: RotationWorkflowProps['functions']): MapState {
    const task = this.task(
      'Deploy key',
      'deployKey',
      functions,
      `{% $merge([${executionInput}, {'target': $states.input}]) %}`,
    );
    task.addRetry({
      // The targets of a rotation take turns at its lease.
      errors: ['StepBusy'],
      interval: Duration.seconds(3),
      backoffRate: 1,
      maxAttempts: 120,
    });
    task.addRetry({
      errors: [...endsWithoutEffect, ...neverMended, 'TargetRejected'],
      maxAttempts: 0,
    });
    task.addRetry({
      errors: [Errors.ALL],
      interval: Duration.seconds(10),
      backoffRate: 2,
      maxDelay: Duration.minutes(10),
      maxAttempts: 12,
    });
    task.addCatch(Pass.jsonata(this, 'Left behind'), { errors: [Errors.ALL] });
    const all = MapState.jsonata(this, 'Deploy to targets', {
      items: ProvideItems.jsonata('{% $states.input.targets %}'),
      outputs: "{% {'lookAt': $states.input.lookAt} %}",
    });
    return all.itemProcessor(task);
  }

  private abandonStep(functions: RotationWorkflowProps['functions']): LambdaInvoke {
    return this.untilDone(
      'Abandon',
      'abandon',
      functions,
      `{% $merge([${executionInput}, $exists($states.input.failure) ? {'failure': $states.input.failure} : {}]) %}`,
    );
  }

  private task(
    id: string,
    name: StepName,
    functions: RotationWorkflowProps['functions'],
    payload = `{% ${executionInput} %}`,
  ): LambdaInvoke {
    return LambdaInvoke.jsonata(this, id, {
      lambdaFunction: functions[name],
      payload: TaskInput.fromText(payload),
      outputs: '{% $states.result.Payload %}',
      retryOnServiceExceptions: false,
    });
  }

  /**
   * A dead invocation's lease runs out after its function's timeout; this waits longer than that, and long enough
   * for many credentials to take turns at an issuer that makes one key at a time.
   */
  private retryWhenBusy(task: LambdaInvoke, name: StepName): void {
    const interval = 10;
    task.addRetry({
      errors: ['StepBusy'],
      interval: Duration.seconds(interval),
      backoffRate: 1,
      maxAttempts: Math.ceil((steps[name].timeout + turnsAtTheIssuer) / interval),
    });
  }

  private machine(start: IChainable, logKey: IKey): StateMachine {
    return new StateMachine(this, 'StateMachine', {
      stateMachineType: StateMachineType.STANDARD,
      queryLanguage: QueryLanguage.JSONATA,
      definitionBody: DefinitionBody.fromChainable(start),
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, 'Logs', {
          retention: RetentionDays.ONE_MONTH,
          encryptionKey: logKey,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ALL,
        includeExecutionData: false,
      },
    });
  }
}
