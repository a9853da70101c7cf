import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { drainChart } from '../../lib/cli/format/drain-chart.ts';

const paper = { width: 80, colour: false };
const quiet = (counts: readonly number[]) => counts.map(() => 0);
const aSeries = (consumer: string, key: string, counts: readonly number[], denied = quiet(counts)) => ({
  consumer,
  key,
  counts,
  denied,
});

describe('the chart of calls', () => {
  it('draws a bar for each bucket, all on one scale, with a dot where nobody called', () => {
    expect(
      drainChart(
        [
          aSeries('mirror', 'old', [8, 4, 1, 0]),
          aSeries('mirror', 'new', [0, 0, 3, 16]),
          aSeries('nightly', 'old', [1, 0, 0, 0]),
        ],
        paper,
      ),
    ).toEqual(['mirror   old  ▄▂▁·  13 calls', '         new  ··▂█  19 calls', 'nightly  old  ▁···  1 call']);
  });

  it('marks a bucket with a refused call, however many there were, and counts them', () => {
    expect(drainChart([aSeries('mirror', 'old', [90, 2, 0], [1, 2, 0])], paper)).toEqual([
      'mirror  old  ××·  92 calls, 3 refused',
    ]);
  });

  it('loses nothing without colours', () => {
    const series = [aSeries('mirror', 'old', [4, 2], [0, 1])];
    const [painted = ''] = drainChart(series, { ...paper, colour: true });
    expect(painted).not.toBe(stripVTControlCharacters(painted));
    expect([stripVTControlCharacters(painted)]).toEqual(drainChart(series, paper));
  });

  it.each([40, 60, 80, 200])('fits into %i characters, and keeps every call', (width) => {
    const series = [
      aSeries(
        'mirror',
        'old',
        Array.from({ length: 173 }, () => 1),
      ),
    ];
    const [line = ''] = drainChart(series, { ...paper, width });
    expect(line.length).toBeLessThanOrEqual(width);
    expect(line).toMatch(/ 173 calls$/);
  });

  it('sums neighbours up from the newest on, so that the last bucket is whole', () => {
    const counts = [...Array.from({ length: 14 }, () => 0), 2, 2, 2];
    const [line = ''] = drainChart([aSeries('mirror', 'old', counts)], { ...paper, width: 10 });
    expect(line).toBe('mirror  old  ·······▄█  6 calls');
  });

  it('cuts names that would leave no room in the middle, so that those of one family can be told apart', () => {
    const names = ['billing-agent-production-eu-west-1', 'billing-agent-production-us-east-2'];
    expect(
      drainChart(
        names.map((name) => aSeries(name, 'old', [1])),
        paper,
      ),
    ).toEqual(['billing-agent-p…u-west-1  old  █  1 call', 'billing-agent-p…s-east-2  old  █  1 call']);
  });

  it('never draws two consumers as one, though nothing of their names is left to tell them apart', () => {
    const names = ['billing-agent-production-eu-west-1', 'billing-agent-prod-two-eu-west-1'];
    const lines = drainChart(
      names.map((name) => aSeries(name, 'old', [1])),
      paper,
    );
    expect(lines).toEqual(Array.from({ length: 2 }, () => 'billing-agent-p…u-west-1  old  █  1 call'));
  });

  it('says of minutes when the first and the last one is', () => {
    const counts = Array.from({ length: 20 }, () => 1);
    const [line = '', ...below] = drainChart(
      [aSeries('mirror', 'old', counts)],
      paper,
      '2026-03-02T07:41:00.000Z',
    );
    const left = ' '.repeat(line.indexOf('█'));
    expect(below).toEqual([`${left}07:41Z        08:00Z`]);
  });

  it('says how long a cell is where minutes are summed up, and the day where the first is on another', () => {
    const counts = Array.from({ length: 720 }, () => 1);
    const narrow = { ...paper, width: 85 };
    const [line = '', ...below] = drainChart(
      [aSeries('mirror', 'old', counts)],
      narrow,
      '2026-03-01T20:01:00.000Z',
    );
    const cells = line.match(/[▁▂▃▄▅▆▇█]+/)?.[0].length ?? 0;
    expect(below.map((text) => text.trim().replace(/ {3,}/, ' … '))).toEqual([
      '2026-03-01 20:01Z … 08:00Z',
      'a cell is 12 min',
    ]);
    expect(below[0]?.trim()).toHaveLength(cells);
    expect(cells).toBe(720 / 12);
  });

  it('lets no name command the terminal', () => {
    expect(drainChart([aSeries('a\u001b[2J', 'old', [0])], paper)).toEqual(['a [2J  old  ·  0 calls']);
  });

  it('is nothing for nobody', () => {
    expect(drainChart([], paper)).toEqual([]);
  });
});
