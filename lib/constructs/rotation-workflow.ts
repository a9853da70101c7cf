/** The rotation state machine: how its steps hang together, the waits between them, and where each failure goes. */
import { RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  Choice,
  Condition,
  DefinitionBody,
  Errors,
  Fail,
  type IChainable,
  LogLevel,
  QueryLanguage,
  StateMachine,
  StateMachineType,
  Succeed,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { endsWithoutEffect } from '../rotation/errors.ts';
import { acknowledgeWildcard, evidence } from './acknowledge.ts';
import { type StepFunctions, stepTasks } from './step-tasks.ts';

export interface RotationWorkflowProps {
  readonly functions: StepFunctions;
  readonly logKey: IKey;
}

/** What a Choice reads: every verdict that branches names the next step. */
const nextIs = (step: string): Condition => Condition.jsonata(`{% $states.input.next = '${step}' %}`);

export class RotationWorkflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, { functions, logKey }: RotationWorkflowProps) {
    super(scope, id);

    const { step, untilDone, ...tasks } = stepTasks(this, functions);
    const begin = step('Begin', 'begin');
    const issue = step('Issue key', 'issueKey');
    const verify = step('Verify key', 'verifyKey');
    const promote = untilDone('Promote key', 'promoteKey');
    const windowWait = this.waitUntilLook('Wait for window');
    const deploy = tasks.deployToTargets();
    const graceWait = this.waitUntilLook('Wait out grace');
    const check = untilDone('Check drain', 'checkDrain');
    const ask = tasks.askOwner();
    const rollBack = untilDone('Roll back', 'rollBack');
    const disable = untilDone('Disable key', 'disableKey');
    const observe = this.waitUntilLook('Observe');
    const breakage = untilDone('Check breakage', 'checkBreakage');
    const enable = untilDone('Enable key', 'enableKey');
    const revoke = untilDone('Revoke key', 'revokeKey');
    const prove = untilDone('Prove dead', 'proveDead');
    const complete = untilDone('Complete', 'complete');
    const abandon = tasks.abandon();
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
    // No answer for a while: the key may have drained meanwhile. An answer that came first: it is followed.
    ask.addCatch(check, { errors: [Errors.TIMEOUT, 'AlreadyDecided'], outputs: {} });
    const beforeCommit = [begin, issue, verify, promote];
    const later = [check, ask, rollBack, disable, breakage, enable, revoke, prove, complete, abandon];
    for (const each of [...beforeCommit, ...later]) {
      each.addCatch(ended, { errors: [...endsWithoutEffect] });
    }
    // Begin as well: it may have taken the lock before it failed, and nobody else would let go of it.
    for (const each of beforeCommit) {
      each.addCatch(busy, { errors: ['StepBusy'] });
      each.addCatch(abandon, {
        errors: [Errors.ALL],
        outputs: { failure: '{% $states.errorOutput %}' },
      });
    }

    graceWait.next(check);
    // Each state and Choice is billed: rare ways go through steps that have nothing to do there, and pass them on.
    issue.next(verify).next(promote);
    // A key may have been revoked, or have ended, while it waited.
    windowWait.next(verify);
    const promoted = new Choice(this, 'Promoted?', { queryLanguage: QueryLanguage.JSONATA });
    rollBack.next(promoted);
    promote.next(
      promoted
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
        .when(nextIs('disableKey'), disable)
        .when(nextIs('enableKey'), enable)
        .when(nextIs('askOwner'), ask)
        .when(nextIs('rollBack'), rollBack)
        .when(nextIs('revokeKey'), revoke)
        .when(nextIs('complete'), complete)
        .otherwise(ended),
    );
    ask.next(check);
    // What Check breakage has found stands in the ledger: Revoke key and Prove dead pass on what is not theirs.
    disable.next(observe).next(breakage).next(revoke).next(prove);
    enable.next(check);
    prove.next(
      new Choice(this, 'Whose proof?', { queryLanguage: QueryLanguage.JSONATA })
        .when(nextIs('complete'), complete)
        .when(nextIs('issueKey'), issue)
        .when(nextIs('checkDrain'), check)
        .when(nextIs('disableKey'), disable)
        .when(nextIs('enableKey'), enable)
        .when(nextIs('rollBack'), rollBack)
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
        .when(nextIs('rollBack'), rollBack)
        .when(nextIs('disableKey'), disable)
        .when(nextIs('enableKey'), enable)
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

  /** Verdicts that sleep say until when. */
  private waitUntilLook(id: string): Wait {
    return Wait.jsonata(this, id, { time: WaitTime.timestamp('{% $states.input.lookAt %}') });
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
