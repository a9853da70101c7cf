/** The calls of one consumer by key and second, for the chart: made from the counts that its processes send. */
import type { AgentCounts } from './agent-messages.ts';

/** Calls with one key, second by second, the newest last; `denied` are those of them that were refused. */
export interface CallSeries {
  readonly generation: number;
  readonly counts: readonly number[];
  readonly denied: readonly number[];
}

export interface CallLog {
  /** Takes what one process has counted since its start, each time it says so. */
  readonly ofProcess: () => (counts: Pick<AgentCounts, 'byGeneration'>, atMs: number) => void;
  /** The whole seconds before this moment, by generation: one that is not over would look like a lull. */
  readonly series: (untilMs: number, seconds: number) => readonly CallSeries[];
}

interface Second {
  readonly calls: number;
  readonly refused: number;
}

const none: Second = { calls: 0, refused: 0 };

export function callLog(): CallLog {
  const keys = new Map<number, Map<number, Second>>();

  const add = (generation: number, second: number, more: Second): void => {
    const seconds = keys.get(generation) ?? new Map<number, Second>();
    keys.set(generation, seconds.set(second, sum(seconds.get(second) ?? none, more)));
  };

  return {
    ofProcess: () => {
      let noted: AgentCounts['byGeneration'] = {};
      return ({ byGeneration }, atMs) => {
        for (const [generation, { calls, refused }] of Object.entries(byGeneration)) {
          const { calls: known, refused: knownRefused } = noted[generation] ?? none;
          add(Number(generation), secondOf(atMs), { calls: calls - known, refused: refused - knownRefused });
        }
        noted = byGeneration;
      };
    },
    series: (untilMs, length) => {
      const first = secondOf(untilMs) - length;
      return [...keys]
        .sort(([one], [other]) => one - other)
        .map(([generation, seconds]) => {
          const row = Array.from({ length }, (_, index) => seconds.get(first + index) ?? none);
          return { generation, counts: row.map(({ calls }) => calls), denied: row.map((one) => one.refused) };
        });
    },
  };
}

const sum = (one: Second, other: Second): Second => ({
  calls: one.calls + other.calls,
  refused: one.refused + other.refused,
});

const secondOf = (ms: number): number => Math.floor(ms / 1000);
