/** Who calls with which key, as the demo shows it while the rotation runs. */
import { describe, expect, it } from 'vitest';
import { callLog } from '../../local/call-log.ts';
import { consumerView } from '../../local/consumer-view.ts';

describe('the view of the consumers', () => {
  it('says once when a consumer goes over to another key', () => {
    const { show, said, calls } = aView();
    calls({ 1: 3 });
    show();
    show();
    calls({ 1: 3, 2: 1 });
    show();
    expect(said.map((line) => line.trim())).toEqual(['mirror calls with key 1', 'mirror calls with key 2']);
  });

  it('tells the habit and the counts of each, and draws its calls with each key', () => {
    const { show, foot, calls } = aView();
    calls({ 1: 3, 2: 1 }, Date.now() - 5_000);
    show();
    expect(foot().join('\n')).toMatch(/^ {2}mirror +keeps the key for 5 s +key 2 +4 calls +0 refused$/m);
    expect(foot().join('\n')).toMatch(/^ {2}mirror +key 1 .*█.* 3 calls$/m);
    expect(foot().join('\n')).toMatch(/^ +key 2 .*▃.* 1 call$/m);
  });

  it('draws no chart wider than the terminal', () => {
    const { show, foot, calls } = aView(50);
    calls({ 1: 3 }, Date.now() - 5_000);
    show();
    expect(foot().at(-1)).toMatch(/·█·/);
    expect(foot().at(-1)?.length).toBeLessThanOrEqual(50);
  });
});

function aView(width = 80) {
  const said: string[] = [];
  let drawn: readonly string[] = [];
  const log = callLog();
  const note = log.ofProcess();
  let byGeneration: Readonly<Record<string, { calls: number; refused: number }>> = {};
  const counts = () => ({
    calls: Object.values(byGeneration).reduce((sum, { calls }) => sum + calls, 0),
    refused: 0,
    failedReads: 0,
    generation: Math.max(...Object.keys(byGeneration).map(Number)),
    byGeneration,
  });
  const view = {
    say: (line: string) => void said.push(line),
    foot: (lines: readonly string[]) => {
      drawn = lines;
    },
    paper: () => ({ width, colour: false }),
  };
  return {
    said,
    foot: () => drawn,
    show: consumerView(view, [{ consumer: 'mirror', cacheFor: 5, letsGo: true, counts, log }]),
    /** So many calls with each key since the start, as told at a moment. */
    calls: (keys: Readonly<Record<number, number>>, atMs = Date.now()) => {
      const entries = Object.entries(keys).map(([key, calls]) => [key, { calls, refused: 0 }] as const);
      byGeneration = Object.fromEntries(entries);
      note({ byGeneration }, atMs);
    },
  };
}
