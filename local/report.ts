/** The demo's report: every figure is taken from the ledger, the execution's history, the consumers or the registry. */
import type { HistoryEvent, HistoryEventType } from '@aws-sdk/client-sfn';
import type { Key } from '../lib/rotation/key.ts';
import { type GraceFacts, graceFacts, type Phase, type Rotation } from '../lib/rotation/rotation.ts';
import { type Instant, type Seconds, secondsBetween } from '../lib/usage/instant.ts';
import type { AgentCounts } from './agent-messages.ts';

export interface RotationReport {
  readonly status: Phase;
  readonly seconds: Seconds | null;
  /** From the promotion to the proof that the old key was out of use. */
  readonly graceSeconds: Seconds | null;
  /** From the promotion until the registry accepted the revoke. */
  readonly secondsBothLive: Seconds | null;
  readonly drainChecks: number;
  /** As AWS bills them: states entered, retries and Map iterations. */
  readonly transitions: number;
  readonly agentCalls: number;
  /** Calls that the registry refused, before any retry, and failed reads of the secret. */
  readonly failedAgentCalls: number;
  readonly newKeyAccepted: boolean;
  readonly oldKeyRefused: boolean;
  /** Refusals in a row that proved the old key dead. */
  readonly proofProbes: number;
}

export interface Evidence {
  readonly rotation: Rotation;
  /** The old key's row, at the end. */
  readonly oldKey: Key | undefined;
  readonly history: readonly HistoryEvent[];
  readonly agents: readonly AgentCounts[];
  /** What the registry itself says at the end. */
  readonly newKeyAccepted: boolean;
  readonly oldKeyRefused: boolean;
}

export function reportOf({ rotation, oldKey, history, agents, ...answers }: Evidence): RotationReport {
  const facts = graceFacts(rotation);
  const promotedAt = facts?.promotedAt ?? null;
  return {
    status: rotation.phase,
    seconds: between(rotation.startedAt, 'endedAt' in rotation ? rotation.endedAt : null),
    graceSeconds: between(promotedAt, facts?.drainedAt ?? null),
    secondsBothLive: between(promotedAt, oldKey?.revokedAt ?? null),
    drainChecks: facts?.checks ?? 0,
    transitions: transitionsIn(history) + insideMaps(facts),
    agentCalls: sum(agents.map(({ calls }) => calls)),
    failedAgentCalls: sum(agents.map(({ refused, failedReads }) => refused + failedReads)),
    newKeyAccepted: answers.newKeyAccepted,
    oldKeyRefused: answers.oldKeyRefused,
    proofProbes: oldKey?.proof?.probes ?? 0,
  };
}

/** Whether the demo has shown what it is there to show. */
export const isGood = (report: RotationReport): boolean =>
  report.status === 'completed' &&
  report.agentCalls > 0 &&
  report.failedAgentCalls === 0 &&
  report.newKeyAccepted &&
  report.oldKeyRefused;

/** The local cloud's history leaves out Map iterations and the states in them: one Deploy key for each target. */
const insideMaps = (facts: GraceFacts | undefined): number =>
  2 * Object.values(facts?.deployments ?? {}).filter(({ done }) => done).length;

/** States entered, retries and Map iterations. */
export const transitionsIn = (history: readonly HistoryEvent[]): number =>
  history.filter(({ type }) => type?.endsWith('StateEntered') || type === 'MapIterationStarted').length +
  history.filter((event, index) => isRetry(event, history[index - 1])).length;

/** A retry enters no state: the next event after the failure is that the task is scheduled again. */
const isRetry = ({ type }: HistoryEvent, before: HistoryEvent | undefined): boolean =>
  isOneOf(scheduled, type) && isOneOf(failed, before?.type);

const scheduled = ['TaskScheduled', 'LambdaFunctionScheduled', 'ActivityScheduled'] as const;

const failed = [
  'TaskFailed',
  'TaskTimedOut',
  'TaskStartFailed',
  'TaskSubmitFailed',
  'LambdaFunctionFailed',
  'LambdaFunctionTimedOut',
  'LambdaFunctionScheduleFailed',
  'LambdaFunctionStartFailed',
  'ActivityFailed',
  'ActivityTimedOut',
  'ActivityScheduleFailed',
] as const;

const isOneOf = (types: readonly HistoryEventType[], type: HistoryEventType | undefined): boolean =>
  type !== undefined && types.includes(type);

const between = (from: Instant | null, to: Instant | null): Seconds | null =>
  from === null || to === null ? null : secondsBetween(from, to);

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** The same for people. */
export function reportLines(report: RotationReport): readonly string[] {
  const seconds = (value: Seconds | null) => (value === null ? 'never' : `${value.toFixed(1)} s`);
  const yes = (value: boolean) => (value ? 'yes' : 'NO');
  const rows = [
    ['rotation', report.status],
    ['took', seconds(report.seconds)],
    ['grace until drained', `${seconds(report.graceSeconds)}, ${report.drainChecks} checks`],
    ['both keys live for', seconds(report.secondsBothLive)],
    ['calls by consumers', `${report.agentCalls}, of which failed: ${report.failedAgentCalls}`],
    ['registry accepts the new key', yes(report.newKeyAccepted)],
    ['registry refuses the old key', yes(report.oldKeyRefused)],
    ['proof of death', `refused ${report.proofProbes} times in a row`],
    ['state transitions', `${report.transitions}`],
  ] as const;
  return rows.map(([name, value]) => `  ${name.padEnd(30)}${value}`);
}
