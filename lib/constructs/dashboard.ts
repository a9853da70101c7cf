/** The one page that shows how a keyturn is doing; docs/alarms.md explains its numbers. */
import { Duration } from 'aws-cdk-lib';
import {
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  type GraphWidgetProps,
  type IMetric,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { credentialStatuses } from '../rotation/credential.ts';
import { phases } from '../rotation/rotation.ts';
import { countOf, gaugeOf } from './metrics.ts';

export interface DashboardProps {
  /** Name of the Keyturn, and of the dashboard. */
  readonly installation: string;
  readonly functions: readonly IFunction[];
  readonly deadLetters: IQueue;
  readonly stateMachine: StateMachine;
}

/** The survey of credentials and rotations comes once an hour. */
const hourly = { period: Duration.hours(1) } as const;

const graph = (title: string, left: readonly IMetric[], more: GraphWidgetProps = {}): GraphWidget =>
  new GraphWidget({ title, left: [...left], width: 12, ...more });

export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName: props.installation,
      widgets: [
        ...pairs([...ofRotations(props.installation), ...ofKeys(props.installation), ...ofMachinery(props)]),
      ],
    });
  }
}

const pairs = (widgets: readonly GraphWidget[]): GraphWidget[][] =>
  widgets.flatMap((_, index) => (index % 2 === 0 ? [widgets.slice(index, index + 2)] : []));

const ofRotations = (of: string): readonly GraphWidget[] => [
  graph(
    'Rotations under way, by phase',
    phases.map((phase) => gaugeOf(of, 'RotationsUnderWay', { phase }, { ...hourly, label: phase })),
    { stacked: true },
  ),
  graph('Rotations started and ended', [
    countOf(of, 'RotationStarted', { label: 'started' }),
    countOf(of, 'RotationCompleted', { label: 'completed' }),
    countOf(of, 'RotationAbandoned', { label: 'abandoned' }),
    countOf(of, 'RotationRejected', { label: 'rejected' }),
  ]),
  graph('Waiting', [
    gaugeOf(of, 'CredentialsDue', {}, { label: 'credentials due' }),
    gaugeOf(of, 'RotationsUnheard', {}, { label: 'rotations unheard of' }),
  ]),
  graph('Trouble', [
    countOf(of, 'RotationOverdue', { label: 'overdue' }),
    countOf(of, 'KeyMissed', { label: 'key missed in its trial' }),
    countOf(of, 'RotationStuck', { label: 'stuck' }),
    countOf(of, 'CredentialFailing', { label: 'credential failing' }),
    countOf(of, 'CredentialBlocked', { label: 'credential blocked' }),
    countOf(of, 'TargetFailing', { label: 'target failing' }),
  ]),
];

const ofKeys = (of: string): readonly GraphWidget[] => [
  graph(
    'Credentials, by status',
    credentialStatuses.map((status) => gaugeOf(of, 'Credentials', { status }, { ...hourly, label: status })),
    { stacked: true },
  ),
  graph('Age of the oldest key, days', [gaugeOf(of, 'OldestKeyDays', {}, hourly)]),
  graph('From promotion to drained, seconds', [
    gaugeOf(of, 'DrainSeconds', {}, { ...hourly, statistic: Stats.p(50), label: 'median' }),
    gaugeOf(of, 'DrainSeconds', {}, { ...hourly, statistic: Stats.p(95), label: '95 of 100' }),
  ]),
];

const ofMachinery = ({ stateMachine, deadLetters, functions }: DashboardProps): readonly GraphWidget[] => [
  graph('Executions', [
    stateMachine.metricStarted({ label: 'started' }),
    stateMachine.metricSucceeded({ label: 'succeeded' }),
    stateMachine.metricFailed({ label: 'failed' }),
    stateMachine.metricTimedOut({ label: 'timed out' }),
    stateMachine.metricAborted({ label: 'aborted' }),
  ]),
  graph('Dead letters', [deadLetters.metricApproximateNumberOfMessagesVisible({ label: 'messages' })]),
  graph(
    'Errors of functions',
    functions.map((fn) => fn.metricErrors({ label: fn.node.id })),
  ),
];
