/** Batches as the bench reckons them: no invocation gets more than Lambda would give it. */
import { describe, expect, it } from 'vitest';
import { batchesOf, eventSourceOf } from '../../bench/event-source.ts';

const messagesEvery = (seconds: number, count: number, body = '{}') =>
  Array.from({ length: count }, (_, index) => ({ body, sentTimestampMs: 1000 * seconds * index, index }));

const source = { batchSize: 10, window: 20, atOnce: 5 };

describe('the batches of a queue', () => {
  it('hold every message once', () => {
    const batches = batchesOf(messagesEvery(0.1, 1000), source);
    const indexes = batches.flat().map(({ index }) => index);
    expect(indexes.sort((a, b) => a - b)).toEqual(messagesEvery(0.1, 1000).map(({ index }) => index));
  });

  it('are never larger than the batch size, and most are full where messages are many', () => {
    const sizes = batchesOf(messagesEvery(0.01, 1000), source).map(({ length }) => length);
    expect(Math.max(...sizes)).toBe(10);
    expect(sizes.filter((size) => size < 10).length).toBeLessThanOrEqual(source.atOnce);
  });

  it('are gathered no longer than the window after their first message', () => {
    for (const batch of batchesOf(messagesEvery(3, 200), source)) {
      const times = batch.map(({ sentTimestampMs }) => sentTimestampMs);
      expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(20_000);
    }
  });

  it('weigh no more than an invocation can be given', () => {
    const heavy = messagesEvery(0.01, 100, 'x'.repeat(1024 * 1024));
    const sizes = batchesOf(heavy, { ...source, batchSize: 1000 }).map(({ length }) => length);
    expect(Math.max(...sizes)).toBe(6);
  });

  it('mix what came one after the other, as several connections do', () => {
    const [first = []] = batchesOf(messagesEvery(0.1, 1000), source);
    expect(first.map(({ index }) => index)).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('the event source of a function', () => {
  const mapping = (Ref: string, more: object) => ({ Properties: { FunctionName: { Ref }, ...more } });
  const findResources = () => ({
    requests: mapping('KeyturnStartRotation0123ABCD', { BatchSize: 10 }),
    usage: mapping('KeyturnFoldUsage0123ABCD', {
      BatchSize: 1000,
      MaximumBatchingWindowInSeconds: 20,
      ScalingConfig: { MaximumConcurrency: 5 },
    }),
  });

  it('is what the template says', () => {
    expect(eventSourceOf({ findResources }, 'KeyturnFoldUsage')).toEqual({
      batchSize: 1000,
      window: 20,
      atOnce: 5,
    });
  });

  it('is not guessed', () => {
    expect(() => eventSourceOf({ findResources }, 'KeyturnStartRotation')).toThrow(
      'has no batches for KeyturnStartRotation',
    );
  });
});
