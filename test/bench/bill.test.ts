/** The bench's arithmetic: sizes and units as DynamoDB's documentation counts them, and sums of prices. */
import { describe, expect, it } from 'vitest';
import { billOf, countInvocation, countQueue } from '../../bench/bill.ts';
import { itemSize, readUnits, writeUnits } from '../../bench/item-size.ts';
import { memoryIn } from '../../bench/memory.ts';
import { perUse, type Usage } from '../../bench/prices.ts';

const itemOf = (bytes: number) => ({ a: 'x'.repeat(bytes - 1) });

describe('the size of an item', () => {
  it.each([
    ['names and texts in UTF-8', { é: 'né' }, 2 + 3],
    ['a byte for two digits, and one more', { n: 1234 }, 1 + 3],
    ['one for true, false and null', { a: true, b: null }, 2 + 2],
    ['three for a list and one for each element', { l: ['ab', 'c'] }, 1 + 3 + 2 + 3],
    ['three for a map and one for each field', { m: { k: 'v' } }, 1 + 3 + 1 + 2],
  ])('counts %s', (_rule, item, size) => {
    expect(itemSize(item)).toBe(size);
  });

  it('is refused for a value that no row holds', () => {
    expect(() => itemSize({ at: new Date() })).toThrow('has no size here');
  });
});

describe('the units of a request', () => {
  it('are those of the larger item, before or after a write, for each KiB that it begins', () => {
    expect(writeUnits(undefined, itemOf(1024))).toBe(1);
    expect(writeUnits(itemOf(1025), itemOf(10))).toBe(2);
    expect(writeUnits(undefined, undefined)).toBe(1);
  });

  it('are a half for an eventually consistent read of up to 4 KiB', () => {
    expect(readUnits(0, true)).toBe(1);
    expect(readUnits(4097, true)).toBe(2);
    expect(readUnits(4096, false)).toBe(0.5);
  });
});

const gbSecondsOf = (invoked: Partial<Parameters<typeof countInvocation>[1]>): number => {
  const used = new Map<Usage, number>();
  const count = (what: Usage, amount = 1) => void used.set(what, amount);
  countInvocation({ count }, { begins: 'warm', slept: 0, requests: 0, memoryGb: 0.25, ...invoked });
  return used.get('lambdaGbSecond') ?? 0;
};

describe('an invocation', () => {
  it('costs what its function has of memory, for all that it waits for', () => {
    const waiting = (memoryGb: number) => gbSecondsOf({ slept: 10, memoryGb }) - gbSecondsOf({ memoryGb });
    expect(waiting(0.5)).toBeCloseTo(2 * waiting(0.25), 12);
    expect(gbSecondsOf({ slept: 10 }) - gbSecondsOf({})).toBeCloseTo(10 * 0.25, 12);
    expect(gbSecondsOf({ issuerCalls: 2 })).toBeGreaterThan(gbSecondsOf({ requests: 2 }));
    expect(gbSecondsOf({ reports: 1000 })).toBeGreaterThan(gbSecondsOf({ reports: 1 }));
  });
});

describe('an invocation with less memory', () => {
  it('computes for longer, so that its start costs the same', () => {
    expect(gbSecondsOf({ begins: 'cold', memoryGb: 0.125 })).toBeCloseTo(gbSecondsOf({ begins: 'cold' }), 12);
  });
});

describe('a queue', () => {
  const usedBy = (queued: Partial<Parameters<typeof countQueue>[1]>) => {
    const used = new Map<Usage, number>();
    const count = (what: Usage, amount = 1) => void used.set(what, (used.get(what) ?? 0) + amount);
    countQueue({ count }, { messages: [], producers: 1, seconds: 60, ...queued });
    return used;
  };

  it('bills each message three times, for each 64 KiB that it begins', () => {
    const messages = [{ body: 'x'.repeat(65_536) }, { body: 'é'.repeat(32_769) }];
    expect(usedBy({ messages }).get('sqsRequest')).toBe(3 + 6);
  });

  it('takes two data keys for a producer and one for the consumer, every five minutes', () => {
    expect(usedBy({ producers: 10, seconds: 301 }).get('kmsRequest')).toBe(2 * 21);
  });
});

describe('the memory of a function', () => {
  const functions = { KeyturnBegin0123ABCD: { Properties: { MemorySize: 512 } }, KeyturnEnd0123ABCD: {} };
  const memoryOf = memoryIn({ findResources: () => functions });

  it('is what the template gives it', () => {
    expect(memoryOf('KeyturnBegin')).toBe(0.5);
  });

  it('is not guessed', () => {
    expect(() => memoryOf('KeyturnMiddle')).toThrow('has no function KeyturnMiddle');
    expect(() => memoryOf('KeyturnEnd')).toThrow();
  });
});

describe('a bill', () => {
  it('adds up what was used, dearest first', () => {
    const used = new Map<Usage, number>([
      ['busEvent', 3],
      ['transition', 20],
    ]);
    const { usd, lines } = billOf(used);
    expect(usd).toBeCloseTo(3 * perUse.busEvent + 20 * perUse.transition, 12);
    expect(lines.map(({ what }) => what)).toEqual(['transition', 'busEvent']);
  });
});
