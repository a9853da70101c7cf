/** What starts rotations: requests on the bus, through a queue, and the sweep of each minute. */
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type EventBus, Match, Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { type IGrantable, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { SqsEventSource, type SqsEventSourceProps } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { eventSource, rotateRequested } from '../workflow/events.ts';
import { acknowledge, acknowledgeWildcard, evidence } from './acknowledge.ts';
import { allow } from './handler-function.ts';

/** The function that takes a queue's messages. */
interface Receiver {
  readonly timeout: Duration;
  /** How long Lambda gathers a batch for it. @default not at all */
  readonly window?: Duration;
}

/** An encrypted queue that only TLS reaches. */
export function queue(
  scope: Construct,
  id: string,
  key: IKey,
  deadLetterQueue?: Queue,
  receiver?: Receiver,
): Queue {
  return new Queue(scope, id, {
    encryption: QueueEncryption.KMS,
    encryptionMasterKey: key,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
    removalPolicy: RemovalPolicy.DESTROY,
    // AWS advises six times the receiving function's timeout, and the window, so that a throttled batch is not seen twice.
    ...(receiver && {
      visibilityTimeout: Duration.seconds(
        6 * receiver.timeout.toSeconds() + (receiver.window?.toSeconds() ?? 0),
      ),
    }),
    ...(deadLetterQueue && { deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: 5 } }),
  });
}

/** Where messages end that nobody could handle. */
export function deadLetterQueue(scope: Construct, key: IKey): Queue {
  const last = queue(scope, 'DeadLetters', key);
  acknowledge(last, 'Serverless-SQSRedrivePolicy', 'It is the queue that the others redrive to.');
  return last;
}

/** Not CDK's grant, whose KMS actions have wildcards. */
export function grantSend(to: IGrantable, { queueArn, encryptionMasterKey }: Queue): void {
  to.grantPrincipal.addToPrincipalPolicy(allow(['sqs:SendMessage'], [queueArn]));
  if (!encryptionMasterKey) return;
  to.grantPrincipal.addToPrincipalPolicy(
    allow(['kms:Decrypt', 'kms:GenerateDataKey'], [encryptionMasterKey.keyArn]),
  );
}

/** Lets a function take messages in batches; it answers which of them failed, and only these come again. */
export function takeFrom(fn: NodejsFunction, source: Queue, batch: SqsEventSourceProps): void {
  fn.addEventSource(new SqsEventSource(source, { ...batch, reportBatchItemFailures: true }));
  acknowledge(
    fn,
    'Serverless-LambdaEventSourceMappingDestination',
    'Lambda takes a failure destination for streams, not for SQS: what failed five times goes to the dead-letter queue by the redrive policy of its own queue. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html',
  );
}

/**
 * `Rotate Requested` goes rule → queue → start-rotation, never rule → state machine: a rule names its executions at
 * random, so that a redelivery would start a second one.
 */
export function onRotateRequested(
  scope: Construct,
  {
    bus,
    requests,
    deadLetters,
    startRotation,
  }: {
    readonly bus: EventBus;
    readonly requests: Queue;
    readonly deadLetters: Queue;
    readonly startRotation: NodejsFunction;
  },
): void {
  new Rule(scope, 'RotateRequested', {
    eventBus: bus,
    eventPattern: {
      source: Match.anythingBut(eventSource),
      detailType: [rotateRequested.detailType],
    },
    targets: [new SqsQueue(requests, { deadLetterQueue: deadLetters })],
  });
  takeFrom(startRotation, requests, { batchSize: 10 });
}

export function everyMinute(scope: Construct, sweepDue: NodejsFunction, deadLetters: Queue): void {
  const role = scheduleRole(scope);
  // CDK lets the schedule send to its dead-letter queue, but not use the key that encrypts it.
  grantSend(role, deadLetters);
  acknowledgeWildcard(role, `${sweepDue.functionArn}:*`, evidence.versionsOfTheSame);
  new Schedule(scope, 'SweepSchedule', {
    schedule: ScheduleExpression.rate(Duration.minutes(1)),
    target: new LambdaInvoke(sweepDue, { deadLetterQueue: deadLetters, retryAttempts: 0, role }),
    description: 'Starts the rotations that are due.',
  });
}

/** Only for schedules of this account's default group, as the role that CDK would make. */
function scheduleRole(scope: Construct): Role {
  const stack = Stack.of(scope);
  const group = stack.formatArn({
    service: 'scheduler',
    resource: 'schedule-group',
    resourceName: 'default',
  });
  return new Role(scope, 'SweepScheduleRole', {
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': stack.account, 'aws:SourceArn': group } },
    }),
  });
}
