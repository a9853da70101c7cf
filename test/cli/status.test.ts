import { describe, expect, it } from 'vitest';
import { aCredential, aKey, aRotation, someTime } from '../support/builders.ts';
import { put, run, type TwinStack, twinStack } from './twin-stack.ts';

const oldVersion = aKey().versionId;
const newVersion = 'f00dfeed-10d2-5f4a-9c3e-2b6d8f0a1c4e';

describe('keyturn status', () => {
  it('shows where each credential stands', async () => {
    const stack = twinStack();
    await put(
      stack,
      aCredential({
        id: 'active-one',
        status: 'active',
        currentGeneration: 3,
        dueAt: '2026-03-05T08:00:00.000Z',
      }),
    );
    await put(stack, aCredential({ id: 'fresh-one' }));
    const { code, out } = await run(stack, 'status');
    expect(code).toBe(0);
    expect(out).toMatch(/active-one +billing-team +active +3 .* in 3 d +-$/m);
    expect(out).toMatch(/fresh-one +billing-team +new +- .*the sweep to start its first rotation$/m);
  });

  it('says who a rotation in grace waits for', async () => {
    const { out } = await run(await inGrace(), 'status');
    expect(out).toMatch(/billing-agent .*rotating .* grace .* mirror, nightly$/m);
  });

  it('says when an execution is not heard of any more', async () => {
    const stack = await inGrace();
    stack.clock.advance(3_600);
    const { out } = await run(stack, 'status');
    expect(out).toContain('its execution, which was to be heard of by 2026-03-02T08:15:00.000Z');
  });

  it('says so when nothing is registered', async () => {
    expect(await run(twinStack(), 'status')).toMatchObject({
      code: 0,
      out: 'stack "keyturn" has no credentials: add some to keyturn.yaml',
    });
  });

  it('prints one JSON object for programs', async () => {
    const { out } = await run(await inGrace(), 'status', '--json');
    expect(JSON.parse(out)).toMatchObject({
      stack: 'keyturn',
      credentials: [{ id: 'billing-agent', status: 'rotating', phase: 'grace', waitsFor: 'mirror, nightly' }],
    });
  });
});

describe('keyturn status <credential>', () => {
  it('shows keys, rotation, consumers and the last rotations', async () => {
    const { code, out } = await run(await inGrace(), 'status', 'billing-agent');
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}2 +key_live_0002 +current/m);
    expect(out).toMatch(/^ {2}1 +key_live_0001 +superseded/m);
    expect(out).toContain('verdict     waiting: mirror holds the old key');
    expect(out).toContain('deadline    in 4 h');
    expect(out).toMatch(/billing-agent +0 +never +- +-$/m);
    expect(out).toMatch(/mirror \(not declared\) +1 +0 s ago +1 +key 1 0 s ago$/m);
    expect(out).toMatch(/Last rotations\n.*\n {2}a1f0d9c2\S+ +2 +grace/);
  });

  it('shows the proof of death, and why a rotation was abandoned', async () => {
    const stack = twinStack();
    const proof = { by: 'refusal', probes: 3, firstAt: someTime, lastAt: someTime } as const;
    const rotation = aRotation({ at: 'abandoned' });
    await put(stack, aCredential(), { rotation, keys: [aKey({ status: 'dead', proof })] });
    const { out } = await run(stack, 'status', 'billing-agent');
    expect(out).toContain('refused 3 times in a row, 0 s ago');
    expect(out).toMatch(/abandoned .* the issuer refused the request$/m);
  });

  it('prints the same for programs, without fingerprints', async () => {
    const { out } = await run(await inGrace(), 'status', 'billing-agent', '--json');
    expect(JSON.parse(out)).toMatchObject({
      id: 'billing-agent',
      rotation: { phase: 'grace', verdict: { outcome: 'waiting', heldBy: ['mirror', 'nightly'] } },
      consumers: [
        { consumer: 'billing-agent', processes: 0 },
        { consumer: 'mirror', holds: [1] },
      ],
    });
    expect(out).not.toContain(aKey().fingerprint);
  });

  it('names the nearest credential when there is none of this id', async () => {
    const { code, err } = await run(await inGrace(), 'status', 'biling-agent');
    expect({ code, err }).toEqual({
      code: 1,
      err: 'keyturn: stack "keyturn" has no credential "biling-agent", did you mean "billing-agent"?',
    });
  });
});

async function inGrace(): Promise<TwinStack> {
  const stack = twinStack();
  const rotation = aRotation({
    at: 'grace',
    checks: 2,
    verdict: {
      outcome: 'waiting',
      reason: 'mirror holds the old key',
      heldBy: ['mirror', 'nightly'],
      consumers: [],
      lastOldUse: null,
    },
  });
  const keys = [
    aKey({ status: 'superseded' }),
    aKey({ generation: 2, keyId: 'key_live_0002', versionId: newVersion }),
  ];
  const activeRotation = rotation.rotationId;
  await put(stack, aCredential({ status: 'rotating', activeRotation, currentGeneration: 2, dueAt: null }), {
    rotation,
    keys,
  });
  await stack.usage.apply({ usage: [], presence: [mirror] });
  return stack;
}

const mirror = {
  credentialId: 'billing-agent',
  consumer: 'mirror',
  instance: 'one',
  seq: 1,
  windowEnd: someTime,
  lastSeen: someTime,
  leftAt: null,
  holds: [oldVersion],
  lastUse: { [oldVersion]: someTime },
};
