/** The report counts what AWS bills and what consumers felt, not what we would like to see. */
import type { HistoryEvent, HistoryEventType } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import type { DrainVerdict } from '../../lib/usage/drain.ts';
import type { AgentCounts } from '../../local/agent-messages.ts';
import { type Evidence, isGood, reportOf, transitionsIn } from '../../local/report.ts';
import { aKey, aRotation } from '../support/builders.ts';

describe('transitions', () => {
  it('are the states entered', () => {
    expect(
      transitionsIn(historyOf('ExecutionStarted', ...task, ...wait, ...task, 'ExecutionSucceeded')),
    ).toBe(3);
  });

  it('count each retry, which enters no state', () => {
    const [entered, ...rest] = task;
    const history = historyOf(
      entered,
      'TaskScheduled',
      'TaskFailed',
      'TaskScheduled',
      'TaskTimedOut',
      ...rest,
    );
    expect(transitionsIn(history)).toBe(3);
  });

  it('do not count a failure that leads to another state as a retry', () => {
    const history = historyOf('TaskStateEntered', 'TaskScheduled', 'TaskFailed', 'TaskStateExited', ...task);
    expect(transitionsIn(history)).toBe(2);
  });

  it('count each iteration of a Map', () => {
    const iteration = ['MapIterationStarted', ...task, 'MapIterationSucceeded'] as const;
    expect(transitionsIn(historyOf('MapStateEntered', 'MapStateStarted', ...iteration, ...iteration))).toBe(
      5,
    );
  });
});

describe('the report', () => {
  it('sums the calls of all consumers, and what failed for them, refused or unread', () => {
    const agents = [
      counted({ calls: 100, refused: 2, failedReads: 1 }),
      counted({ calls: 50, refused: 0, failedReads: 4 }),
    ];
    const { rotation } = reportOf(evidence({ agents }));
    expect(rotation).toMatchObject({ agentCalls: 150, failedAgentCalls: 7 });
  });

  it('takes its times and proof from the ledger', () => {
    const { rotation } = reportOf(evidence());
    expect(rotation).toMatchObject({ status: 'completed', seconds: 18_000, graceSeconds: 10_800 });
    expect(rotation).toMatchObject({ secondsBothLive: 10_805, drainChecks: 2, proofProbes: 3 });
  });

  it('says null for what never happened', () => {
    const abandoned = aRotation({ at: 'abandoned' });
    const { rotation } = reportOf(evidence({ rotation: abandoned, oldKey: aKey() }));
    expect(rotation).toMatchObject({
      status: 'abandoned',
      graceSeconds: null,
      secondsBothLive: null,
      proofProbes: 0,
    });
  });

  it.each<[string, Partial<Evidence>]>([
    ['the rotation did not complete', { rotation: aRotation({ at: 'revoking' }) }],
    ['a call was refused', { agents: [counted({ calls: 400, refused: 1 })] }],
    ['a read failed', { agents: [counted({ calls: 400, failedReads: 1 })] }],
    ['nobody has called', { agents: [] }],
    ['the new key is refused', { newKeyAccepted: false }],
    ['the old key is accepted', { oldKeyRefused: false }],
    ['the revoke waited for nobody', { verdicts: new Map([[2, aVerdict('drained')]]) }],
  ])('is not good when %s', (_, flaw) => {
    expect(isGood(reportOf(evidence()))).toBe(true);
    expect(isGood(reportOf(evidence(flaw)))).toBe(false);
  });
});

describe('the report of the drain', () => {
  it('names who held the revoke back, and for how long from the look that first did', () => {
    const { drain } = reportOf(
      evidence({
        history: [9, 10, 11].map((hour) => lookAt(`2026-03-02T${`${hour}`.padStart(2, '0')}:00:00.000Z`)),
        verdicts: new Map([
          [1, aVerdict('waiting', 'mirror', 'dashboard')],
          [2, aVerdict('waiting', 'dashboard')],
          [3, aVerdict('drained')],
        ]),
      }),
    );
    expect(drain).toEqual({
      heldBy: ['mirror', 'dashboard'],
      heldSeconds: 7_200,
      verdicts: [
        { at: '2026-03-02T09:00:00.000Z', outcome: 'waiting', heldBy: ['mirror', 'dashboard'] },
        { at: '2026-03-02T10:00:00.000Z', outcome: 'waiting', heldBy: ['dashboard'] },
        { at: '2026-03-02T11:00:00.000Z', outcome: 'drained', heldBy: [] },
      ],
    });
  });

  it('takes a look that only waits for time for nobody’s fault', () => {
    const verdicts = new Map([
      [1, aVerdict('waiting')],
      [2, aVerdict('drained')],
    ]);
    expect(reportOf(evidence({ verdicts })).drain).toMatchObject({ heldBy: [], heldSeconds: 0 });
  });

  it('knows no end of the wait while the proof is missing', () => {
    const rotation = aRotation({ at: 'grace', checks: 1 });
    const verdicts = new Map([[1, aVerdict('overdue', 'dashboard')]]);
    const { drain } = reportOf(evidence({ rotation, verdicts }));
    expect(drain).toMatchObject({ heldBy: ['dashboard'], heldSeconds: null });
  });
});

const task = [
  'TaskStateEntered',
  'TaskScheduled',
  'TaskStarted',
  'TaskSucceeded',
  'TaskStateExited',
] as const;
const wait = ['WaitStateEntered', 'WaitStateExited'] as const;

const historyOf = (...types: readonly HistoryEventType[]): readonly HistoryEvent[] =>
  types.map((type, index) => ({ type, id: index + 1, timestamp: new Date(0) }));

const lookAt = (at: string): HistoryEvent => ({
  type: 'TaskStateEntered',
  id: 1,
  timestamp: new Date(at),
  stateEnteredEventDetails: { name: 'Check drain' },
});

function aVerdict(outcome: DrainVerdict['outcome'], ...heldBy: readonly string[]): DrainVerdict {
  const words = { reason: 'because', consumers: [], heldBy };
  if (outcome === 'waiting') return { ...words, outcome, lastOldUse: null };
  return outcome === 'overdue' ? { ...words, outcome, quietAt: null } : { ...words, outcome };
}

const counted = (counts: Partial<AgentCounts>): AgentCounts => ({
  calls: 0,
  refused: 0,
  failedReads: 0,
  generation: 2,
  byGeneration: {},
  ...counts,
});

function evidence(flaw: Partial<Evidence> = {}): Evidence {
  const proof = {
    by: 'refusal',
    probes: 3,
    firstAt: '2026-03-02T11:00:06.000Z',
    lastAt: '2026-03-02T11:00:08.000Z',
  } as const;
  return {
    rotation: aRotation({ at: 'completed', checks: 2 }),
    oldKey: aKey({ status: 'dead', revokedAt: '2026-03-02T11:00:05.000Z', proof }),
    history: [lookAt('2026-03-02T10:00:00.000Z'), lookAt('2026-03-02T11:00:00.000Z')],
    verdicts: new Map([
      [1, aVerdict('waiting', 'dashboard')],
      [2, aVerdict('drained')],
    ]),
    agents: [counted({ calls: 400 })],
    newKeyAccepted: true,
    oldKeyRefused: true,
    ...flaw,
  };
}
