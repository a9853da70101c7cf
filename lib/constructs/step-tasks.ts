/** The Tasks of the rotation state machine: one for each step, with how often a failure is tried again. */
import { Duration } from 'aws-cdk-lib';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import {
  Errors,
  IntegrationPattern,
  JitterType,
  Map as MapState,
  Pass,
  ProvideItems,
  TaskInput,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke, type LambdaInvokeJsonataProps } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { answerWithin } from '../rotation/ask-owner.ts';
import { endsWithoutEffect, neverMended, notWorthRetrying, routed } from '../rotation/errors.ts';
import { type StepName, steps } from '../workflow/steps.ts';

/** The function of each step. */
export type StepFunctions = Readonly<Record<StepName, NodejsFunction>>;

/** Every step gets what the execution was started with, so the state can't grow and a secret has no way in. */
const executionInput = '$states.context.Execution.Input';

/** Seconds in which an issuer's other credentials have had their turns. */
const turnsAtTheIssuer = 3600;

type More = Partial<LambdaInvokeJsonataProps>;

export interface StepTasks {
  /** A step whose failure is retried for a while and then abandons the rotation. */
  readonly step: (id: string, name: StepName) => LambdaInvoke;
  /** A step that is tried for 30 days, since there is no way back from it. */
  readonly untilDone: (id: string, name: StepName) => LambdaInvoke;
  readonly abandon: () => LambdaInvoke;
  readonly askOwner: () => LambdaInvoke;
  readonly deployToTargets: () => MapState;
}

export function stepTasks(scope: Construct, functions: StepFunctions): StepTasks {
  const task = (id: string, name: StepName, more?: More): LambdaInvoke =>
    taskOf(scope, id, functions[name], more);
  return {
    step: (id, name) => triedForAWhile(task(id, name), name),
    untilDone: (id, name) => triedUntilDone(task(id, name), name),
    abandon: () => triedUntilDone(task('Abandon', 'abandon', { payload: withFailure }), 'abandon'),
    askOwner: () =>
      triedUntilDone(task('Ask owner', 'askOwner', waitingForAnswer), 'askOwner', [Errors.TIMEOUT]),
    deployToTargets: () => onePerTarget(scope, task('Deploy key', 'deployKey', { payload: withTarget })),
  };
}

const payloadOf = (expression: string): TaskInput => TaskInput.fromText(`{% ${expression} %}`);

const withTarget = payloadOf(`$merge([${executionInput}, {'target': $states.input}])`);

const withFailure = payloadOf(
  `$merge([${executionInput}, $exists($states.input.failure) ? {'failure': $states.input.failure} : {}])`,
);

/** The task ends when somebody shows its token, or when the time is up; what it ends with says nothing. */
const waitingForAnswer: More = {
  payload: payloadOf(`$merge([${executionInput}, {'token': $states.context.Task.Token}])`),
  integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
  taskTimeout: Timeout.duration(Duration.seconds(answerWithin)),
  outputs: {},
};

const taskOf = (
  scope: Construct,
  id: string,
  lambdaFunction: NodejsFunction,
  more: More = {},
): LambdaInvoke =>
  LambdaInvoke.jsonata(scope, id, {
    lambdaFunction,
    payload: payloadOf(executionInput),
    outputs: '{% $states.result.Payload %}',
    retryOnServiceExceptions: false,
    ...more,
  });

function triedForAWhile(task: LambdaInvoke, name: StepName): LambdaInvoke {
  retryWhenBusy(task, name);
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
 * Hourly in the end; somebody misses a key that is to be enabled, so that is tried each ten minutes. No jitter, which
 * would halve the days.
 *
 * @param leadsOn what another try is not for, since it is no failure here; States.ALL would mean it too.
 */
function triedUntilDone(task: LambdaInvoke, name: StepName, leadsOn: readonly string[] = []): LambdaInvoke {
  const isUrgent = name === 'enableKey';
  retryWhenBusy(task, name);
  task.addRetry({ errors: [...routed, ...endsWithoutEffect, ...neverMended, ...leadsOn], maxAttempts: 0 });
  task.addRetry({
    errors: [Errors.ALL],
    interval: Duration.seconds(5),
    backoffRate: 2,
    maxDelay: isUrgent ? Duration.minutes(10) : Duration.hours(1),
    maxAttempts: isUrgent ? 4330 : 730,
  });
  return task;
}

/**
 * A dead invocation's lease runs out after its function's timeout; this waits longer than that, and long enough
 * for many credentials to take turns at an issuer that makes one key at a time.
 */
function retryWhenBusy(task: LambdaInvoke, name: StepName): void {
  const interval = 10;
  task.addRetry({
    errors: ['StepBusy'],
    interval: Duration.seconds(interval),
    backoffRate: 1,
    maxAttempts: Math.ceil((steps[name].timeout + turnsAtTheIssuer) / interval),
  });
}

/**
 * One Deploy key per target. A target that fails for longer than an hour, or for good, is left behind for now: it
 * holds the old key, and Check drain comes back to it.
 */
function onePerTarget(scope: Construct, task: LambdaInvoke): MapState {
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
  task.addCatch(Pass.jsonata(scope, 'Left behind'), { errors: [Errors.ALL] });
  const all = MapState.jsonata(scope, 'Deploy to targets', {
    items: ProvideItems.jsonata('{% $states.input.targets %}'),
    outputs: "{% {'lookAt': $states.input.lookAt} %}",
  });
  return all.itemProcessor(task);
}
