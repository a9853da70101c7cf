/** How a drain stands, for people: the verdict in words, the chart, and who is where. */
import type { Instant } from '../../usage/instant.ts';
import type { Drain, DrainStanding } from '../commands/drain-standing.ts';
import { type Paint, paintIf } from './colour.ts';
import { consumerTable } from './consumer-table.ts';
import { count } from './count.ts';
import { decisionWords, questionWords } from './decision-words.ts';
import { drainChart, type Paper, refusedMark } from './drain-chart.ts';
import { pairs, section } from './sections.ts';
import { table } from './table.ts';
import { ago, ahead } from './time.ts';

const indent = 2;

export function drainDetail(standing: DrainStanding, paper: Paper): readonly string[] {
  const { now, drain, calls, consumers } = standing;
  const paint = paintIf(paper.colour);
  const chart = drainChart(calls.series, { ...paper, width: paper.width - indent }, calls.from);
  return [
    ...(drain ? drainFacts(standing, drain, paint) : nothingDrains(standing)),
    ...section(chartTitle(standing), chart),
    ...section('Where they are', drain ? stateTable(drain, now, paint) : []),
    ...section('Consumers', consumerTable(consumers, now)),
  ];
}

const nothingDrains = ({ credential, staying }: DrainStanding): readonly string[] =>
  pairs([
    ['credential', credential],
    ['drain', 'nothing drains: no old key waits for its end'],
    ['key', staying > 0 ? `generation ${staying} is current` : 'there is none yet'],
  ]);

function drainFacts(
  { credential, staying, now }: DrainStanding,
  drain: Drain,
  paint: Paint,
): readonly string[] {
  const { leaving, verdict, lastLook, deadline, question, decision, disabledAt, breakages } = drain;
  const stays = staying > 0 ? `generation ${staying} stays` : 'no other comes after it';
  return pairs([
    ['credential', credential],
    ['drain', `generation ${leaving} is to end, ${stays}`],
    ['rotation', `${drain.rotationId} (${drain.phase})`],
    ['verdict', verdict && `${paint(verdict.outcome)}, as of now by reports: ${verdict.reason}`],
    ['last look', lastLook && `${paint(lastLook.outcome)}: ${lastLook.reason}`],
    ['held by', heldBy(drain)],
    ['deadline', deadline && `${ahead(deadline, now)} (${deadline})`],
    ['disabled', disabledAt && `${ago(disabledAt, now)}, for a trial`],
    ['missed', breakages > 0 ? `${count(breakages, 'time')}, last by ${drain.brokenBy.join(', ')}` : null],
    ['decision', decision && decisionWords(decision, now)],
    ['refused', drain.refusal],
    ['waits for', question ? null : drain.waitsFor],
    ['question', question && questionWords(question, now)],
    ['decide', decideWords(drain)],
  ]);
}

function decideWords({ decide, question, onTrial }: Drain): string | null {
  if (!decide || question) return decide;
  return onTrial ? `${decide} (extend enables the key and keeps it)` : `if it is not to wait: ${decide}`;
}

/** As of now, where that is known. */
function heldBy({ verdict, lastLook }: Drain): string | null {
  const holders = (verdict ?? lastLook)?.heldBy ?? [];
  return holders.length > 0 ? holders.join(', ') : null;
}

/** `Calls per minute, the last 60 min (old: generation 4, new: generation 5; ×: refused)` */
function chartTitle({ calls: { minutes, series } }: DrainStanding): string {
  const keys = new Map(series.map(({ key, generation }) => [key, `${key}: generation ${generation}`]));
  return `Calls per minute, the last ${count(minutes, 'minute')} (${[...keys.values()].join(', ')}; ${refusedMark}: refused)`;
}

/** The newest word on each consumer. */
function stateTable({ verdict, lastLook, leaving }: Drain, now: Instant, paint: Paint): readonly string[] {
  const states = (verdict ?? lastLook)?.consumers ?? [];
  if (states.length === 0) return [];
  return table(
    ['CONSUMER', 'STATE', `LAST USE OF KEY ${leaving}`],
    states.map(({ consumer, state, lastOldUse }) => [consumer, paint(state), ago(lastOldUse, now)]),
  );
}
