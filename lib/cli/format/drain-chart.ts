/** Calls over time as small bars, so that one sees a consumer go over from one key to the next. Pure. */
import { paintIf } from './colour.ts';
import { count } from './count.ts';
import { printable } from './printable.ts';

/** The calls of one consumer with one key, by bucket of time, oldest first; all series have the same buckets. */
export interface ChartSeries {
  readonly consumer: string;
  /** What the key is called: `old`, `new`, `key 4`. */
  readonly key: string;
  /** All calls of each bucket. */
  readonly counts: readonly number[];
  /** How many of these were refused. */
  readonly denied: readonly number[];
}

export interface Paper {
  /** Characters that a line may have. */
  readonly width: number;
  readonly colour: boolean;
}

const bars = '▁▂▃▄▅▆▇█';
const noCall = '·';
/** Stands for a bucket with a refused call, however many others there were. */
export const refusedMark = '×';

/** Narrower, nothing could be seen: the line gets longer than it should. */
const fewestCells = 10;
const widestName = 24;

/**
 * A line for each series, all on one scale: `mirror  old  ▅▅▅▂····  132 calls, 2 refused`. The name stands on the
 * first line of its consumer. Buckets that do not fit are summed up with their neighbours, from the newest on.
 */
export function drainChart(series: readonly ChartSeries[], paper: Paper): readonly string[] {
  const names = series.map(({ consumer }) => shortened(printable(consumer)));
  const keys = series.map(({ key }) => printable(key));
  const totals = series.map(totalOf);
  const widthOf = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => text.length));
  const besides = widthOf(names) + widthOf(keys) + widthOf(totals) + 3 * gap.length;
  const drawn = series.map((one) => fitted(one, Math.max(fewestCells, paper.width - besides)));
  const highest = Math.max(1, ...drawn.flatMap(({ counts }) => counts));
  return drawn.map(({ counts, denied }, at) => {
    const name = names[at] === names[at - 1] ? '' : (names[at] ?? '');
    const cells = counts.map((calls, bucket) => cell(calls, denied[bucket] ?? 0, highest, paper)).join('');
    const key = (keys[at] ?? '').padEnd(widthOf(keys));
    return [name.padEnd(widthOf(names)), key, cells, totals[at]].join(gap);
  });
}

const gap = '  ';

function cell(calls: number, denied: number, highest: number, { colour }: Paper): string {
  if (denied > 0) return paintIf(colour)(refusedMark);
  if (calls === 0) return noCall;
  return bars[Math.ceil((calls / highest) * bars.length) - 1] ?? noCall;
}

function totalOf({ counts, denied }: ChartSeries): string {
  const refused = sum(denied);
  return `${count(sum(counts), 'call')}${refused > 0 ? `, ${refused} refused` : ''}`;
}

type Buckets = Pick<ChartSeries, 'counts' | 'denied'>;

function fitted({ counts, denied }: Buckets, room: number): Buckets {
  const size = Math.max(1, Math.ceil(counts.length / room));
  return { counts: merged(counts, size), denied: merged(denied, size) };
}

/** The oldest bucket may be made of fewer than the others. */
function merged(counts: readonly number[], size: number): readonly number[] {
  const first = counts.length % size;
  const rest = Array.from({ length: Math.floor(counts.length / size) }, (_, at) =>
    sum(counts.slice(first + at * size, first + (at + 1) * size)),
  );
  return first === 0 ? rest : [sum(counts.slice(0, first)), ...rest];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const shortened = (name: string): string =>
  name.length > widestName ? `${name.slice(0, widestName - 1)}…` : name;
