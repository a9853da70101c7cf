/** Calls over time as small bars, so that one sees a consumer go over from one key to the next. Pure. */
import { type Instant, plus } from '../../usage/instant.ts';
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
/** Characters at the end of a longer name. */
const keptEnd = 8;

/**
 * A line for each series, all on one scale: `mirror  old  ▅▅▅▂····  132 calls, 2 refused`. The name stands on the
 * first line of its consumer. Buckets that do not fit are summed up with their neighbours, from the newest on.
 *
 * @param firstMinute where a bucket is a minute: then the first and the last stand below, and how long a cell is if it
 * is longer.
 */
export function drainChart(
  series: readonly ChartSeries[],
  paper: Paper,
  firstMinute?: Instant,
): readonly string[] {
  const names = series.map(({ consumer }) => shortened(printable(consumer)));
  const keys = series.map(({ key }) => printable(key));
  const totals = series.map(totalOf);
  const widthOf = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => text.length));
  const besides = widthOf(names) + widthOf(keys) + widthOf(totals) + 3 * gap.length;
  const room = Math.max(fewestCells, paper.width - besides);
  const drawn = series.map((one) => fitted(one, room));
  const highest = Math.max(1, ...drawn.flatMap(({ counts }) => counts));
  const lines = drawn.map(({ counts, denied }, at) => {
    const name = series[at]?.consumer === series[at - 1]?.consumer ? '' : (names[at] ?? '');
    const cells = counts.map((calls, bucket) => cell(calls, denied[bucket] ?? 0, highest, paper)).join('');
    const key = (keys[at] ?? '').padEnd(widthOf(keys));
    return [name.padEnd(widthOf(names)), key, cells, totals[at]].join(gap);
  });
  const [first] = series;
  if (!first || firstMinute === undefined) return lines;
  const left = ' '.repeat(widthOf(names) + widthOf(keys) + 2 * gap.length);
  return [...lines, ...timeAxis(firstMinute, first.counts.length, room).map((line) => `${left}${line}`)];
}

/** `09:01Z        10:00Z`, as wide as the cells, or `09:01Z–10:00Z` where these are few. */
function timeAxis(from: Instant, minutes: number, room: number): readonly string[] {
  const size = sizeOf(minutes, room);
  const to = plus(from, 60 * (minutes - 1));
  const day = from.slice(0, 10) === to.slice(0, 10) ? '' : `${from.slice(0, 10)} `;
  const first = `${day}${clock(from)}`;
  const between = Math.ceil(minutes / size) - first.length - clock(to).length;
  const axis = `${first}${between > 0 ? ' '.repeat(between) : '–'}${clock(to)}`;
  return size === 1 ? [axis] : [axis, `a cell is ${size} min`];
}

const clock = (at: Instant): string => `${at.slice(11, 16)}Z`;

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
  const size = sizeOf(counts.length, room);
  return { counts: merged(counts, size), denied: merged(denied, size) };
}

/** How many buckets a cell is. */
const sizeOf = (buckets: number, room: number): number => Math.max(1, Math.ceil(buckets / room));

/** The oldest bucket may be made of fewer than the others. */
function merged(counts: readonly number[], size: number): readonly number[] {
  const first = counts.length % size;
  const rest = Array.from({ length: Math.floor(counts.length / size) }, (_, at) =>
    sum(counts.slice(first + at * size, first + (at + 1) * size)),
  );
  return first === 0 ? rest : [sum(counts.slice(0, first)), ...rest];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** In the middle: names of one family differ at their ends, a foreign sender's in what follows the `@`. */
const shortened = (name: string): string =>
  name.length > widestName ? `${name.slice(0, widestName - keptEnd - 1)}…${name.slice(-keptEnd)}` : name;
