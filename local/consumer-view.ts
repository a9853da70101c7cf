/** The consumers as the demo shows them: which key each calls with, and how its calls fare. */
import type { Agent } from './agents.ts';
import type { View } from './view.ts';

/** One line per consumer, and one that stays when it goes over to another key. */
export function consumerView(view: View, agents: readonly Agent[]): () => void {
  const generations = new Map<string, number | null>(agents.map(({ consumer }) => [consumer, null]));
  return () => {
    for (const { consumer, counts } of agents) {
      const { generation } = counts();
      if (generation !== null && generation !== generations.get(consumer)) {
        view.say(`           ${consumer} calls with key ${generation}`);
        generations.set(consumer, generation);
      }
    }
    view.foot(['', ...agents.map(consumerLine)]);
  };
}

function consumerLine({ consumer, cacheFor, counts }: Agent): string {
  const { calls, refused, failedReads, generation } = counts();
  const habit = cacheFor === 0 ? 'reads the key for each call' : `keeps the key for ${cacheFor} s`;
  const failures = `${refused} refused${failedReads > 0 ? `, ${failedReads} reads failed` : ''}`;
  return `  ${consumer.padEnd(8)} ${habit.padEnd(28)} key ${generation ?? '-'}  ${`${calls} calls`.padStart(10)}  ${failures}`;
}
