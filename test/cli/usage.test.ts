import { describe, expect, it } from 'vitest';
import { usageShard } from '../../lib/usage/shard.ts';
import type { UsageRow } from '../../lib/usage/usage-book.ts';
import { aCredential } from '../support/builders.ts';
import { put, run, type TwinStack, twinStack } from './twin-stack.ts';

/** The calls of one minute; the clock stands at 2026-03-02T08:00Z. */
function calls(consumer: string, generation: number, minute: string, ok: number, denied = 0): UsageRow {
  const at = minute.replace('Z', ':30.000Z');
  return {
    credentialId: 'billing-agent',
    generation,
    shard: usageShard(consumer, 'one'),
    consumer,
    instance: 'one',
    minute,
    seq: 1,
    ok,
    denied,
    firstUsedAt: at,
    lastUsedAt: at,
  };
}

async function used(): Promise<TwinStack> {
  const stack = twinStack();
  await put(stack, aCredential());
  const usage = [
    calls('mirror', 1, '2026-02-20T10:00Z', 7),
    calls('mirror', 1, '2026-03-01T10:00Z', 5),
    calls('mirror', 2, '2026-03-01T23:59Z', 3, 2),
    calls('mirror', 2, '2026-03-02T07:59Z', 1),
    calls('batch', 1, '2026-03-01T03:00Z', 40),
  ];
  await stack.usage.apply({ presence: [], usage });
  return stack;
}

describe('keyturn usage', () => {
  it('shows calls by day and consumer, whichever key they were made with, and their sums', async () => {
    const { code, out } = await run(await used(), ['usage', 'billing-agent']);
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))).toEqual([
      'DAY | CONSUMER | CALLS | REFUSED | WITH KEY | LAST CALL',
      '2026-03-01 | batch | 40 | 0 | 1 | 28 h ago',
      '2026-03-01 | mirror | 10 | 2 | 1, 2 | 8 h ago',
      '2026-03-02 | mirror | 1 | 0 | 2 | 30 s ago',
      '',
      'CONSUMER | CALLS | REFUSED',
      'batch | 40 | 0',
      'mirror | 11 | 2',
      'all, since 2026-02-23 | 51 | 2',
    ]);
  });

  it.each([
    ['2d', '2026-02-28', 51],
    ['12h', '2026-03-01', 51],
    ['7h', '2026-03-02', 1],
    ['2026-02-20', '2026-02-20', 58],
  ])('goes back to the begin of the day since %s', async (since, from, total) => {
    const { out } = await run(await used(), ['usage', 'billing-agent', '--since', since, '--json']);
    expect(JSON.parse(out)).toMatchObject({ since: from, total: { calls: total } });
  });

  it('prints one JSON object for programs, with sums by consumer and by key', async () => {
    const { out } = await run(await used(), ['usage', 'billing-agent', '--since', '2026-03-02', '--json']);
    expect(JSON.parse(out)).toEqual({
      stack: 'keyturn',
      credential: 'billing-agent',
      since: '2026-03-02',
      days: [
        {
          day: '2026-03-02',
          consumer: 'mirror',
          calls: 1,
          denied: 0,
          generations: [2],
          lastUsedAt: '2026-03-02T07:59:30.000Z',
        },
      ],
      consumers: [{ consumer: 'mirror', calls: 1, denied: 0 }],
      generations: [{ generation: 2, calls: 1, denied: 0 }],
      total: { calls: 1, denied: 0 },
    });
  });

  it('says so when nobody has reported a call', async () => {
    const stack = twinStack();
    await put(stack, aCredential());
    const said = 'nobody has reported a call with a key of "billing-agent" since 2026-03-01';
    expect(await run(stack, ['usage', 'billing-agent', '--since', '1d'])).toMatchObject({
      code: 0,
      out: said,
    });
  });

  it.each(['soon', '0d', '2026-13-01', '7'])('refuses --since %s before anybody is asked', async (since) => {
    const offline = async () => {
      throw new Error('there is nothing to ask yet');
    };
    const { code, err } = await run(twinStack(), ['usage', 'billing-agent', '--since', since], offline);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('expected how long ago') });
  });

  it.each([
    ['2026-02-31', 'there is no such day; expected how long ago'],
    ['2025-02-29', 'there is no such day'],
    ['401d', 'expected 400d at most; to look further back, say the day'],
    ['999999h', 'expected 400d at most'],
  ])('says what is wrong with --since %s', async (since, said) => {
    const { code, err } = await run(await used(), ['usage', 'billing-agent', '--since', since]);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(said) });
  });

  it.each(['2024-02-29', '400d'])('takes --since %s', async (since) => {
    expect(await run(await used(), ['usage', 'billing-agent', '--since', since])).toMatchObject({ code: 0 });
  });

  it('names the nearest credential when there is none of this id', async () => {
    expect(await run(await used(), ['usage', 'biling-agent'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('did you mean "billing-agent"?'),
    });
  });
});
