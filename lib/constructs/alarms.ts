/** What wakes somebody: the alarms of a keyturn, all to one topic. docs/alarms.md says what to do about each. */
import { Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type CreateAlarmOptions,
  type IMetric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { countOf } from './metrics.ts';

export interface AlarmsProps {
  /** Name of the Keyturn; the alarms' names begin with it. */
  readonly installation: string;
  /** The function that the schedule calls each minute. */
  readonly sweepDue: IFunction;
  readonly deadLetters: IQueue;
  readonly stateMachine: StateMachine;
  /** Encrypts the topic. */
  readonly key: Key;
}

const fiveMinutes = Duration.minutes(5);

/** Once is enough, and no news is good news. */
const atOnce = {
  threshold: 1,
  evaluationPeriods: 1,
  comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  treatMissingData: TreatMissingData.NOT_BREACHING,
} as const satisfies CreateAlarmOptions;

export class Alarms extends Construct {
  /** Subscribe whoever is on call. */
  readonly topic: Topic;

  readonly #installation: string;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#installation = props.installation;
    this.topic = this.alarmTopic(props.key);
    this.ofTheSweep(props.sweepDue);
    this.ofTheMachinery(props);
    this.ofRotations();
  }

  /** Encrypted, and for TLS only; CloudWatch may publish this account's alarms to it. */
  private alarmTopic(masterKey: Key): Topic {
    const topic = new Topic(this, 'Topic', { masterKey, enforceSSL: true });
    const cloudWatch = {
      effect: Effect.ALLOW,
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
    };
    topic.addToResourcePolicy(
      new PolicyStatement({ ...cloudWatch, actions: ['sns:Publish'], resources: [topic.topicArn] }),
    );
    // In a key's own policy the resource is that key.
    const actions = ['kms:Decrypt', 'kms:GenerateDataKey'];
    masterKey.addToResourcePolicy(new PolicyStatement({ ...cloudWatch, actions, resources: ['*'] }));
    return topic;
  }

  private ofTheSweep(sweepDue: IFunction): void {
    this.alarm(
      'SweepSilent',
      'The sweep has not run for 15 minutes: nothing starts by itself, nothing that stopped is resumed. Rotations under way go on. Look whether the schedule is enabled and the function throttled.',
      sweepDue.metricInvocations({ period: fiveMinutes }),
      {
        ...atOnce,
        evaluationPeriods: 3,
        comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
        treatMissingData: TreatMissingData.BREACHING,
      },
    );
    this.alarm(
      'SweepFailing',
      'The sweep has kept failing for 15 minutes: some rotations cannot be started or resumed. Its log says which and why.',
      sweepDue.metricErrors({ period: fiveMinutes }),
      { ...atOnce, evaluationPeriods: 3 },
    );
  }

  private ofTheMachinery({ deadLetters, stateMachine }: AlarmsProps): void {
    this.alarm(
      'DeadLetters',
      'A request, a report or an event could not be handled and was put aside. Nothing is lost for 14 days: read the messages, whose attributes say why.',
      deadLetters.metricApproximateNumberOfMessagesVisible({ period: fiveMinutes }),
    );
    const ended =
      'so its rotation stands still, and its old key still works. The sweep resumes it; if the alarm comes again, a person must look';
    this.alarm(
      'ExecutionFailed',
      `An execution of the rotation workflow has failed, ${ended} – unless its error is UnknownKeyFound: then the rotation is over, and CredentialBlocked says what to do.`,
      stateMachine.metricFailed({ period: fiveMinutes }),
    );
    this.alarm(
      'ExecutionTimedOut',
      `An execution of the rotation workflow has run into the time limit of Step Functions, ${ended}.`,
      stateMachine.metricTimedOut({ period: fiveMinutes }),
    );
    this.alarm(
      'ExecutionAborted',
      `Somebody has stopped an execution of the rotation workflow, ${ended}.`,
      stateMachine.metricAborted({ period: fiveMinutes }),
    );
  }

  private ofRotations(): void {
    const rotations = {
      RotationOverdue:
        'An old key is not proven out of use, and the time for that is over. Both keys work, nobody is cut off: see who still holds it.',
      KeyMissed:
        'A key that nobody seemed to use was disabled for a trial, and somebody missed it. It works again and waits for them to move: see who it was, since some of their calls were refused.',
      RotationStuck:
        'A rotation was resumed three times without getting on. Both keys may be alive: a person must look.',
      CredentialFailing:
        'Five rotations of a credential in a row were given up. Its key still works, and gets no younger.',
      CredentialBlocked:
        'The issuer of a credential lists a key that keyturn cannot prove to be its own, or foreign keys leave no room for another. Its rotation is over, nothing was revoked, nobody is cut off; none starts until somebody asks. Remove the foreign key at the issuer, then run keyturn rotate.',
      TargetFailing:
        'A target has refused a new key three times in a row. The old key stays alive until the target has the new one.',
    } as const;
    for (const [name, says] of Object.entries(rotations)) {
      this.alarm(name, says, countOf(this.#installation, name as keyof typeof rotations));
    }
  }

  private alarm(
    name: string,
    says: string,
    metric: IMetric,
    when: Omit<CreateAlarmOptions, 'alarmName'> = atOnce,
  ): void {
    new Alarm(this, name, {
      alarmName: `${this.#installation}-${name}`,
      alarmDescription: `${says} (docs/alarms.md#${name.toLowerCase()})`,
      metric,
      ...when,
    }).addAlarmAction(new SnsAction(this.topic));
  }
}
