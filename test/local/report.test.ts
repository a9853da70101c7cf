/** The report counts what AWS bills and what consumers felt, not what we would like to see. */
import type { HistoryEvent, HistoryEventType } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
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
      { calls: 100, refused: 2, failedReads: 1, generation: 2 },
      { calls: 50, refused: 0, failedReads: 4, generation: 2 },
    ];
    expect(reportOf(evidence({ agents }))).toMatchObject({ agentCalls: 150, failedAgentCalls: 7 });
  });

  it('takes its times and proof from the ledger', () => {
    const report = reportOf(evidence());
    expect(report).toMatchObject({ status: 'completed', seconds: 18_000, graceSeconds: 10_800 });
    expect(report).toMatchObject({ secondsBothLive: 10_805, drainChecks: 2, proofProbes: 3 });
  });

  it('says null for what never happened', () => {
    const rotation = aRotation({ at: 'abandoned' });
    const report = reportOf(evidence({ rotation, oldKey: aKey() }));
    expect(report).toMatchObject({
      status: 'abandoned',
      graceSeconds: null,
      secondsBothLive: null,
      proofProbes: 0,
    });
  });

  it.each<[string, Partial<Evidence>]>([
    ['the rotation did not complete', { rotation: aRotation({ at: 'revoking' }) }],
    ['a call was refused', { agents: [{ calls: 400, refused: 1, failedReads: 0, generation: 2 }] }],
    ['a read failed', { agents: [{ calls: 400, refused: 0, failedReads: 1, generation: 2 }] }],
    ['nobody has called', { agents: [] }],
    ['the new key is refused', { newKeyAccepted: false }],
    ['the old key is accepted', { oldKeyRefused: false }],
  ])('is not good when %s', (_, flaw) => {
    expect(isGood(reportOf(evidence()))).toBe(true);
    expect(isGood(reportOf(evidence(flaw)))).toBe(false);
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
    history: historyOf(...task),
    agents: [{ calls: 400, refused: 0, failedReads: 0, generation: 2 }],
    newKeyAccepted: true,
    oldKeyRefused: true,
    ...flaw,
  };
}
