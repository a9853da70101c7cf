/** The consumers as the demo shows them: which key each calls with, how its calls fare, and the chart of them. */
import { drainChart, type Paper, refusedMark } from '../lib/cli/format/drain-chart.ts';
import type { Agent } from './agents.ts';
import type { View } from './view.ts';

/** A whole rotation of the demo; each second has a place of its own on a line of 80 characters. */
const chartSeconds = 40;

type Shown = Pick<Agent, 'consumer' | 'cacheFor' | 'letsGo' | 'counts' | 'log'>;

/** One line per consumer and the chart below them; a line that stays when one goes over to another key. */
export function consumerView(
  view: Pick<View, 'say' | 'foot' | 'paper'>,
  agents: readonly Shown[],
): () => void {
  const generations = new Map<string, number | null>(agents.map(({ consumer }) => [consumer, null]));
  return () => {
    for (const { consumer, counts } of agents) {
      const { generation } = counts();
      if (generation !== null && generation !== generations.get(consumer)) {
        view.say(`           ${consumer} calls with key ${generation}`);
        generations.set(consumer, generation);
      }
    }
    view.foot(['', ...agents.map(consumerLine), '', ...chart(agents, view.paper())]);
  };
}

function consumerLine({ consumer, cacheFor, letsGo, counts }: Shown): string {
  const { calls, refused, failedReads, generation } = counts();
  const habit = habitOf(cacheFor, letsGo);
  const failures = `${refused} refused${failedReads > 0 ? `, ${failedReads} reads failed` : ''}`;
  return `  ${consumer.padEnd(9)} ${habit.padEnd(32)} key ${generation ?? '-'}  ${`${calls} calls`.padStart(10)}  ${failures}`;
}

function habitOf(cacheFor: number, letsGo: boolean): string {
  if (!letsGo) return 'keeps the key as long as it runs';
  return cacheFor === 0 ? 'reads the key for each call' : `keeps the key for ${cacheFor} s`;
}

/** The same chart as `keyturn drain` draws, by the second and from what the consumers themselves have counted. */
function chart(agents: readonly Shown[], { width, colour }: Paper): readonly string[] {
  const series = agents.flatMap(({ consumer, log }) =>
    log
      .series(Date.now(), chartSeconds)
      .map(({ generation, ...calls }) => ({ consumer, key: `key ${generation}`, ...calls })),
  );
  const lines = drainChart(series, { width: width - indent.length, colour });
  return [`calls per second, the last ${chartSeconds} s (${refusedMark}: refused)`, ...lines].map(
    (line) => `${indent}${line}`,
  );
}

const indent = '  ';
