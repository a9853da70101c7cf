/** The demo's chart shows each call once, in the second in which its process told of it. */
import { describe, expect, it } from 'vitest';
import { callLog } from '../../local/call-log.ts';

describe('the log of calls', () => {
  it('puts each call into the second in which it was first counted', () => {
    const log = callLog();
    const note = log.ofProcess();
    note(counted({ 1: [2, 0] }), 10_200);
    note(counted({ 1: [5, 1] }), 10_900);
    note(counted({ 1: [9, 1] }), 11_100);
    expect(log.series(12_500, 3)).toEqual([{ generation: 1, counts: [0, 5, 4], denied: [0, 1, 0] }]);
  });

  it('leaves out the second that is not over', () => {
    const log = callLog();
    log.ofProcess()(counted({ 1: [2, 0] }), 10_200);
    expect(log.series(10_900, 2)).toEqual([{ generation: 1, counts: [0, 0], denied: [0, 0] }]);
  });

  it('tells the keys apart, the older first', () => {
    const log = callLog();
    const note = log.ofProcess();
    note(counted({ 2: [1, 0], 10: [4, 0] }), 10_000);
    expect(log.series(11_000, 1)).toEqual([
      { generation: 2, counts: [1], denied: [0] },
      { generation: 10, counts: [4], denied: [0] },
    ]);
  });

  it('goes on where a process that was restarted counts from nothing again', () => {
    const log = callLog();
    const first = log.ofProcess();
    first(counted({ 1: [7, 0] }), 10_000);
    log.ofProcess()(counted({ 1: [3, 0] }), 11_000);
    first(counted({ 1: [8, 0] }), 11_500);
    expect(log.series(12_000, 2)).toEqual([{ generation: 1, counts: [7, 4], denied: [0, 0] }]);
  });
});

/** By generation: calls, and how many of them were refused. */
const counted = (keys: Readonly<Record<number, readonly [number, number]>>) => ({
  byGeneration: Object.fromEntries(
    Object.entries(keys).map(([generation, [calls, refused]]) => [generation, { calls, refused }]),
  ),
});
