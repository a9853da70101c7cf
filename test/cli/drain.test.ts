import { describe, expect, it } from 'vitest';
import { plus } from '../../lib/usage/instant.ts';
import { usageShard } from '../../lib/usage/shard.ts';
import type { UsageRow } from '../../lib/usage/usage-book.ts';
import { aCredential, aDeclaration, aKey, aRotation, someTime } from '../support/builders.ts';
import { put, run, type TwinStack, twinStack } from './twin-stack.ts';

const { rotationId } = aRotation();
const oldVersion = aKey().versionId;
const newVersion = 'f00dfeed-10d2-5f4a-9c3e-2b6d8f0a1c4e';
const minute = (ago: number) => `${plus(someTime, -60 * ago).slice(0, 16)}Z`;

function calls(consumer: string, generation: number, ago: number, ok: number, denied = 0): UsageRow {
  const at = plus(someTime, -60 * ago);
  return {
    credentialId: 'billing-agent',
    generation,
    shard: usageShard(consumer, 'one'),
    consumer,
    instance: 'one',
    minute: minute(ago),
    seq: 1,
    ok,
    denied,
    firstUsedAt: at,
    lastUsedAt: at,
  };
}

const seen = (
  consumer: string,
  holds: readonly string[],
  lastUse: Readonly<Record<string, string>> = {},
) => ({
  credentialId: 'billing-agent',
  consumer,
  instance: 'one',
  seq: 1,
  windowEnd: someTime,
  lastSeen: someTime,
  leftAt: null,
  holds,
  lastUse,
});

/** Two hours after the promotion: one has gone over, one has not, and somebody whom nobody knows has called once. */
async function draining(
  about: Parameters<typeof aRotation>[0] = {},
  declaration: Parameters<typeof aDeclaration>[0] = {},
): Promise<TwinStack> {
  const stack = twinStack();
  const promotedAt = plus(someTime, -7200);
  const rotation = aRotation({
    at: 'grace',
    attempt: 1,
    promotedAt,
    deadline: plus(promotedAt, 4 * 3600),
    ...about,
  });
  const keys = [
    aKey({ status: 'superseded' }),
    aKey({ generation: 2, keyId: 'key_live_0002', versionId: newVersion }),
  ];
  const consumers = ['mirror', 'nightly'].map((name) => ({
    name,
    presence: 'continuous' as const,
    lostAfter: 3600,
  }));
  const credential = aCredential({
    status: 'rotating',
    activeRotation: rotationId,
    currentGeneration: 2,
    declaration: aDeclaration({ consumers, ...declaration }),
  });
  await put(stack, credential, { rotation, keys });
  await stack.usage.apply({
    usage: [
      calls('mirror', 1, 9, 40),
      calls('mirror', 1, 3, 20, 1),
      calls('mirror', 2, 0, 5),
      calls('nightly', 2, 5, 40),
      calls('stranger', 1, 7, 1),
      calls('long-ago', 1, 300, 9),
    ],
    presence: [
      seen('mirror', [oldVersion, newVersion], {
        [oldVersion]: plus(someTime, -180),
        [newVersion]: someTime,
      }),
      seen('nightly', [newVersion], { [newVersion]: plus(someTime, -300) }),
    ],
  });
  return stack;
}

const drain = async (stack: TwinStack, ...argv: readonly string[]) =>
  run(stack, ['drain', 'billing-agent', ...argv]);

const json = async (stack: TwinStack, ...argv: readonly string[]) =>
  JSON.parse((await drain(stack, '--json', ...argv)).out);

describe('keyturn drain', () => {
  it('draws the calls per minute with either key, by consumer', async () => {
    const { code, out } = await drain(await draining(), '--minutes', '10');
    expect(code).toBe(0);
    const chart = out.slice(out.indexOf('Calls per minute')).split('\n');
    expect(chart.slice(0, 8)).toEqual([
      'Calls per minute, the last 10 minutes (old: generation 1, new: generation 2; ×: refused)',
      '  mirror    old  █·····×···  61 calls, 1 refused',
      '            new  ·········▁  5 calls',
      '  nightly   old  ··········  0 calls',
      '            new  ····█·····  40 calls',
      '  stranger  old  ··▁·······  1 call',
      '            new  ··········  0 calls',
      `                 ${minute(9).slice(11)}–${minute(0).slice(11)}`,
    ]);
    expect(out).not.toContain('long-ago');
  });

  it('says what the reports prove now, who holds the old key, and where everybody is', async () => {
    const { out } = await drain(await draining());
    expect(out).toMatch(/^drain +generation 1 is to end, generation 2 stays$/m);
    expect(out).toMatch(/^verdict +waiting, as of now by reports: mirror .*generation 1/m);
    expect(out).toMatch(/^held by +mirror$/m);
    expect(out).toMatch(/^deadline +in 2 h \(/m);
    expect(out).toMatch(/^ {2}mirror +both +3 min ago$/m);
    expect(out).toMatch(/^ {2}nightly +on new +never$/m);
    expect(out).toMatch(/^ {2}mirror +1 +0 s ago +2, 1 +key 2 0 s ago, key 1 3 min ago$/m);
  });

  it('looks anew, and shows the last look of the workflow beside it', async () => {
    const verdict = {
      outcome: 'waiting',
      reason: 'issuer openai saw generation 1 used, by somebody who does not report',
      heldBy: ['issuer openai'],
      consumers: [],
      lastOldUse: null,
    } as const;
    const stack = await draining({ verdict });
    await stack.usage.apply({ usage: [], presence: [{ ...seen('mirror', [newVersion]), seq: 2 }] });
    stack.clock.advance(1200);
    const rows = ['mirror', 'nightly'].map((name) => {
      const row = seen(name, [newVersion]);
      return { ...row, seq: 3, windowEnd: stack.clock.now(), lastSeen: stack.clock.now() };
    });
    await stack.usage.apply({ usage: [], presence: rows });
    const { out } = await drain(stack);
    expect(out).toMatch(/^verdict +drained, as of now by reports: /m);
    expect(out).toMatch(/^last look +waiting: issuer openai saw generation 1 used/m);
    expect(out).not.toMatch(/^held by/m);
  });

  it('shows the open question and how to decide', async () => {
    const asked = plus(someTime, -3600);
    const question = { number: 2, askedAt: asked, remindedAt: asked };
    const { out } = await drain(await draining({ questions: 2, question }));
    expect(out).toMatch(/^question +2, asked 60 min ago$/m);
    expect(out).toMatch(/^decide +keyturn decide billing-agent extend <duration> \| revoke \| roll-back$/m);
  });

  it('keeps the names of old and new after a roll back, where the new key is to end', async () => {
    const stack = await draining({ leaving: 'new' });
    const { out } = await drain(stack, '--minutes', '10');
    expect(out).toMatch(/^drain +generation 2 is to end, generation 1 stays$/m);
    expect(out).toContain('(old: generation 1, new: generation 2; ×: refused)');
    expect(out).toMatch(/^ {2}nightly +on new +5 min ago$/m);
    expect((await json(stack)).drain.decide).toBe('keyturn decide billing-agent extend <duration> | revoke');
  });

  it('says what a trial waits for, where there is no verdict to be made', async () => {
    const { out } = await drain(await draining({ at: 'observing', disabledAt: plus(someTime, -180) }));
    expect(out).toMatch(/^disabled +3 min ago, for a trial$/m);
    expect(out).toMatch(/^waits for +whoever misses generation 1/m);
    expect(out).not.toMatch(/^verdict /m);
  });

  it.each(['disabling', 'observing', 'enabling'] as const)(
    'says how to have the key back, or to end it, while it is %s',
    async (at) => {
      const { out } = await drain(await draining({ at, disabledAt: plus(someTime, -180) }));
      expect(out).toMatch(
        /^decide +keyturn decide billing-agent extend <duration> \| revoke \(extend enables the key and keeps it\)$/m,
      );
    },
  );

  it.each(['revoking', 'completing'] as const)('offers nothing to decide while it is %s', async (at) => {
    expect((await json(await draining({ at }))).drain).toMatchObject({ phase: at, decide: null });
  });

  it('makes no verdict by reports where only the issuer can tell', async () => {
    expect((await json(await draining({}, { consumers: [] }))).drain).toMatchObject({ verdict: null });
  });

  it('charts a key that nobody replaces', async () => {
    const { credential } = (await (await draining()).ledger.load('billing-agent')) ?? {};
    const stack = await draining({ kind: 'retire', generation: 2, oldGeneration: 2 });
    if (credential) await put(stack, { ...credential, removedAt: someTime });
    const { out } = await drain(stack, '--minutes', '10');
    expect(out).toMatch(/^drain +generation 2 is to end, no other comes after it$/m);
    expect(out).toContain('(old: generation 2; ×: refused)');
  });

  it('shows the current key when nothing drains, and says so', async () => {
    const stack = await draining();
    const { credential } = (await stack.ledger.load('billing-agent')) ?? {};
    if (credential) await put(stack, { ...credential, status: 'active', activeRotation: null });
    const { out } = await drain(stack, '--minutes', '10');
    expect(out).toMatch(/^drain +nothing drains: no old key waits for its end$/m);
    expect(out).toMatch(/^key +generation 2 is current$/m);
    expect(out).toContain('(current: generation 2; ×: refused)');
    expect(out).toMatch(/^ {2}nightly +current +····█····· +40 calls$/m);
    expect(await json(stack)).toMatchObject({ drain: null, staying: 2 });
  });

  it('has nothing to draw before the first key', async () => {
    const stack = twinStack();
    await put(stack, aCredential());
    expect((await drain(stack)).out).toMatch(/^key +there is none yet$/m);
  });

  it('prints one JSON object for programs', async () => {
    expect(await json(await draining(), '--minutes', '3')).toMatchObject({
      stack: 'keyturn',
      credential: 'billing-agent',
      now: someTime,
      staying: 2,
      drain: { rotationId, leaving: 1, phase: 'grace', verdict: { outcome: 'waiting', heldBy: ['mirror'] } },
      calls: {
        from: plus(someTime, -120),
        minutes: 3,
        series: [
          { consumer: 'mirror', key: 'old', generation: 1, counts: [0, 0, 0], denied: [0, 0, 0] },
          { consumer: 'mirror', key: 'new', generation: 2, counts: [0, 0, 5], denied: [0, 0, 0] },
          { consumer: 'nightly', key: 'old' },
          { consumer: 'nightly', key: 'new' },
        ],
      },
      consumers: [{ consumer: 'mirror' }, { consumer: 'nightly' }],
    });
  });

  it('takes a caller whose clock is ahead into the running minute', async () => {
    const stack = await draining();
    await stack.usage.apply({ presence: [], usage: [calls('nightly', 2, -4, 7)] });
    const { series } = (await json(stack, '--minutes', '2')).calls;
    expect(series.at(-1)).toMatchObject({ consumer: 'nightly', counts: [0, 7] });
  });

  it.each([
    [['--minutes', '1441'], 2, 'expected 1440 at most'],
    [['--minutes', '0'], 2, 'expected a whole number'],
  ])('refuses %j', async (argv, code, said) => {
    expect(await drain(await draining(), ...argv)).toMatchObject({
      code,
      err: expect.stringContaining(said),
    });
  });

  it('names the nearest credential when there is none of this id', async () => {
    expect(await run(await draining(), ['drain', 'biling-agent'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('did you mean "billing-agent"?'),
    });
  });
});
