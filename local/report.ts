/** The demo's report: every figure is taken from the ledger, the execution's history, the consumers or the registry. */
import type { HistoryEvent, HistoryEventType } from '@aws-sdk/client-sfn';
import type { Key } from '../lib/rotation/key.ts';
import { type GraceFacts, graceFacts, type Phase, type Rotation } from '../lib/rotation/rotation.ts';
import type { DrainVerdict } from '../lib/usage/drain.ts';
import { type Instant, instant, type Seconds, secondsBetween } from '../lib/usage/instant.ts';
import type { AgentCounts } from './agent-messages.ts';

export interface DemoReport {
  readonly rotation: RotationReport;
  readonly drain: DrainReport;
}

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

/** How the old key was found to be out of use. */
export interface DrainReport {
  /** Who kept it alive: everyone whom a look has named, in the order of their first naming. */
  readonly heldBy: readonly string[];
  /** From the first look that somebody held back to the proof of drain; 0 when nobody did, null without the proof. */
  readonly heldSeconds: Seconds | null;
  /** What each look has found, as far as the demo has seen it in the ledger. */
  readonly verdicts: readonly DrainLook[];
}

export interface DrainLook extends Pick<DrainVerdict, 'outcome' | 'heldBy'> {
  /** When Check drain began to look. */
  readonly at: Instant;
}

export interface Evidence {
  readonly rotation: Rotation;
  /** The old key's row, at the end. */
  readonly oldKey: Key | undefined;
  readonly history: readonly HistoryEvent[];
  /** What each look has found, by its number: 1 for the first. */
  readonly verdicts: ReadonlyMap<number, DrainVerdict>;
  readonly agents: readonly AgentCounts[];
  /** What the registry itself says at the end. */
  readonly newKeyAccepted: boolean;
  readonly oldKeyRefused: boolean;
}

export const reportOf = (evidence: Evidence): DemoReport => ({
  rotation: rotationReport(evidence),
  drain: drainReport(evidence),
});

function rotationReport({ rotation, oldKey, history, agents, ...answers }: Evidence): RotationReport {
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

function drainReport({ rotation, history, verdicts }: Evidence): DrainReport {
  const drainedAt = graceFacts(rotation)?.drainedAt ?? null;
  const found = looksIn(history).flatMap((at, index): DrainLook[] => {
    const verdict = verdicts.get(index + 1);
    return verdict ? [{ at, outcome: verdict.outcome, heldBy: verdict.heldBy }] : [];
  });
  const firstHeld = found.find(({ heldBy }) => heldBy.length > 0);
  return {
    heldBy: [...new Set(found.flatMap(({ heldBy }) => heldBy))],
    heldSeconds: between(firstHeld?.at ?? drainedAt, drainedAt),
    verdicts: found,
  };
}

/** When each look began. */
const looksIn = (history: readonly HistoryEvent[]): readonly Instant[] =>
  history.flatMap(({ type, timestamp, stateEnteredEventDetails }) =>
    type === 'TaskStateEntered' && stateEnteredEventDetails?.name === 'Check drain' && timestamp
      ? [instant(timestamp.getTime())]
      : [],
  );

/** Whether the demo has shown what it is there to show: also that the revoke has waited for somebody. */
export const isGood = ({ rotation, drain }: DemoReport): boolean =>
  rotation.status === 'completed' &&
  rotation.agentCalls > 0 &&
  rotation.failedAgentCalls === 0 &&
  rotation.newKeyAccepted &&
  rotation.oldKeyRefused &&
  drain.heldBy.length > 0;

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
export function reportLines({ rotation: report, drain }: DemoReport): readonly string[] {
  const yes = (value: boolean) => (value ? 'yes' : 'NO');
  const rows = [
    ['rotation', report.status],
    ['took', seconds(report.seconds)],
    ['grace until drained', `${seconds(report.graceSeconds)}, ${report.drainChecks} checks`],
    ['revoke held back', heldBack(drain)],
    ['both keys live for', seconds(report.secondsBothLive)],
    ['calls by consumers', `${report.agentCalls}, of which failed: ${report.failedAgentCalls}`],
    ['registry accepts the new key', yes(report.newKeyAccepted)],
    ['registry refuses the old key', yes(report.oldKeyRefused)],
    ['proof of death', `refused ${report.proofProbes} times in a row`],
    ['state transitions', `${report.transitions}`],
  ] as const;
  return rows.map(([name, value]) => `  ${name.padEnd(30)}${value}`);
}

function heldBack({ heldBy, heldSeconds }: DrainReport): string {
  return heldBy.length === 0 ? 'by nobody' : `by ${heldBy.join(', ')}, for ${seconds(heldSeconds)}`;
}

const seconds = (value: Seconds | null): string => (value === null ? 'never' : `${value.toFixed(1)} s`);
