import { describe, expect, it } from 'vitest';
import { aCredential, aDeclaration, aKey, aRotation, someTime } from '../support/builders.ts';
import { put, run, type TwinStack, twinStack } from './twin-stack.ts';

const oldVersion = aKey().versionId;
const newVersion = 'f00dfeed-10d2-5f4a-9c3e-2b6d8f0a1c4e';

const question = { number: 2, askedAt: someTime, remindedAt: someTime };
const decision = { choice: 'extend', seconds: 7200, question: 1, by: 'ada', at: someTime } as const;
const held = {
  outcome: 'overdue',
  reason: 'mirror holds generation 1',
  heldBy: ['mirror', 'nightly'],
  consumers: [],
  quietAt: null,
} as const;

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
    const { code, out } = await run(stack, ['status']);
    expect(code).toBe(0);
    expect(out).toMatch(/active-one +billing-team +active +3 .* in 3 d +-$/m);
    expect(out).toMatch(/fresh-one +billing-team +new +- .*the sweep to start its first rotation$/m);
  });

  it('says who a rotation in grace waits for', async () => {
    const { out } = await run(await inGrace(), ['status']);
    expect(out).toMatch(/billing-agent .*rotating .* grace .* mirror, nightly$/m);
  });

  it('says when an execution is not heard of any more', async () => {
    const stack = await inGrace();
    stack.clock.advance(3_600);
    const { out } = await run(stack, ['status']);
    expect(out).toContain('its execution, which was to be heard of by 2026-03-02T08:15:00.000Z');
  });

  it.each<readonly [string, Parameters<typeof aCredential>[0], string]>([
    [
      'a pause',
      { status: 'active', pause: { at: someTime, by: 'ada', reason: 'release week' } },
      '"keyturn resume": paused by ada (release week)',
    ],
    ['its retirement', { status: 'retiring', removedAt: someTime }, 'the sweep to end its last key'],
    [
      'another try',
      { status: 'failing', failures: 5 },
      'its next try, after 5 abandoned in a row: see why in its history',
    ],
  ])('says what a credential waits for: %s', async (_what, overrides, waitsFor) => {
    const stack = twinStack();
    await put(stack, aCredential(overrides));
    const { out } = await run(stack, ['status']);
    expect(out.endsWith(waitsFor)).toBe(true);
  });

  it('says that a blocked credential waits for a person, and why', async () => {
    const stack = twinStack();
    const rotation = aRotation({ at: 'blocked' });
    await put(stack, aCredential({ status: 'blocked', dueAt: null }), { rotation });
    const { out } = await run(stack, ['status']);
    expect(out).toMatch(/ blocked .* a person: the issuer refused the request$/m);
  });

  it.each<readonly [string, Parameters<typeof aRotation>[0], string]>([
    ['its minimum grace', {}, 'the minimum grace, until 2026-03-02T09:00:00.000Z'],
    [
      'its owner',
      { question, verdict: held },
      "billing-team's decision on question 2 (keyturn decide billing-agent extend <duration> | revoke | roll-back): held by mirror, nightly",
    ],
    [
      'its owner, when it was rolled back',
      { question, verdict: held, leaving: 'new' },
      "billing-team's decision on question 2 (keyturn decide billing-agent extend <duration> | revoke): held by mirror",
    ],
    [
      'its owner, when the roll back was refused',
      { question, verdict: held, refusal: 'the roll back was refused: the old key expires' },
      'roll-back): the roll back was refused: the old key expires',
    ],
    [
      'its owner, when nobody reports',
      { question, verdict: { ...held, heldBy: [], reason: 'nobody reports on this credential' } },
      'roll-back): nobody reports on this credential',
    ],
    [
      'a roll back',
      { at: 'rolling-back' },
      'the issuer to accept generation 1, which is to be promoted again',
    ],
    ['a key to be disabled', { at: 'disabling' }, 'the issuer to disable generation 1 for a trial'],
    [
      'a trial',
      { at: 'observing', disabledAt: someTime, leaving: 'new' },
      `whoever misses generation 2, which is disabled since ${someTime}, to show: for 30 min, and until everybody has been heard`,
    ],
    [
      'a key that was missed',
      { at: 'enabling', breakages: 1, brokenBy: ['mirror'] },
      'the issuer to enable generation 1 again, which mirror missed',
    ],
    ['a key that its owner wants', { at: 'enabling', decision }, 'the issuer to enable generation 1 again\n'],
  ])('says what a rotation waits for: %s', async (_what, about, said) => {
    const stack = twinStack();
    const rotation = aRotation({ at: 'grace', ...about });
    const activeRotation = rotation.rotationId;
    await put(stack, aCredential({ status: 'rotating', activeRotation }), { rotation });
    expect(`${(await run(stack, ['status'])).out}\n`).toContain(said);
  });

  it('says when a rotation waits for its window', async () => {
    const stack = twinStack();
    const windows = [{ days: ['tue' as const], from: '22:00', to: '24:00', timeZone: 'UTC' }];
    const { policy } = aDeclaration();
    const rotation = aRotation({ at: 'verified' });
    const declaration = aDeclaration({ policy: { ...policy, windows } });
    const activeRotation = rotation.rotationId;
    await put(stack, aCredential({ status: 'rotating', activeRotation, currentGeneration: 1, declaration }), {
      rotation,
    });
    const { out } = await run(stack, ['status']);
    expect(out).toMatch(/ its window, which opens at 2026-03-03T22:00:00\.000Z$/);
  });

  it('says so when nothing is registered', async () => {
    expect(await run(twinStack(), ['status'])).toMatchObject({
      code: 0,
      out: 'stack "keyturn" has no credentials: add some to keyturn.yaml',
    });
  });

  it('prints one JSON object for programs', async () => {
    const { out } = await run(await inGrace(), ['status', '--json']);
    expect(JSON.parse(out)).toMatchObject({
      stack: 'keyturn',
      credentials: [{ id: 'billing-agent', status: 'rotating', phase: 'grace', waitsFor: 'mirror, nightly' }],
    });
  });
});

describe('keyturn status <credential>', () => {
  it('shows keys, rotation, consumers and the last rotations', async () => {
    const { code, out } = await run(await inGrace(), ['status', 'billing-agent']);
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}2 +key_live_0002 +current/m);
    expect(out).toMatch(/^ {2}1 +key_live_0001 +superseded/m);
    expect(out).toContain('verdict     waiting: mirror holds the old key');
    expect(out).toContain('deadline    in 4 h');
    expect(out).toMatch(/billing-agent +0 +never +- +-$/m);
    expect(out).toMatch(/mirror \(not declared\) +1 +0 s ago +1 +key 1 0 s ago$/m);
    expect(out).toMatch(/Last rotations\n.*\n {2}a1f0d9c2\S+ +rotate +2 +grace/);
  });

  it('counts no process that has said goodbye, and nothing that it held', async () => {
    const stack = await inGrace();
    await stack.usage.apply({ usage: [], presence: [{ ...mirror, seq: 2, leftAt: someTime }] });
    const { out } = await run(stack, ['status', 'billing-agent']);
    expect(out).toMatch(/mirror \(not declared\) +0 +0 s ago +- +key 1 0 s ago$/m);
  });

  it('shows the newest five rotations', async () => {
    const stack = twinStack();
    for (const day of [1, 2, 3, 4, 5, 6]) {
      const startedAt = `2026-02-0${day}T08:00:00.000Z`;
      await put(stack, aCredential(), {
        rotation: aRotation({ at: 'completed', rotationId: `rotation-${day}`, startedAt }),
      });
    }
    const { rotations } = JSON.parse((await run(stack, ['status', 'billing-agent', '--json'])).out);
    const newest = ['rotation-6', 'rotation-5', 'rotation-4', 'rotation-3', 'rotation-2'];
    expect(rotations.map(({ rotationId }: { rotationId: string }) => rotationId)).toEqual(newest);
  });

  it('shows what was asked, what was decided, and who missed the key', async () => {
    const stack = twinStack();
    const rotation = aRotation({
      at: 'grace',
      leaving: 'new',
      question: { ...question, askedAt: '2026-02-28T08:00:00.000Z' },
      decision,
      refusal: 'the roll back was refused: the old key expires',
      breakages: 2,
      brokenBy: ['mirror', 'nightly'],
    });
    const activeRotation = rotation.rotationId;
    await put(stack, aCredential({ status: 'rotating', activeRotation }), { rotation });
    const { out } = await run(stack, ['status', 'billing-agent']);
    expect(out).toMatch(/^ {2}leaves +generation 2: it was rolled back$/m);
    expect(out).toMatch(/^ {2}question +2, asked 2 d ago, last repeated 0 s ago$/m);
    expect(out).toMatch(/^ {2}decision +extend by 2 h, 0 s ago by ada \(question 1\)$/m);
    expect(out).toMatch(/^ {2}refused +the roll back was refused: the old key expires$/m);
    expect(out).toMatch(/^ {2}missed +2 times while it was disabled, the last time by mirror, nightly$/m);
    expect(out).toMatch(/ rotate, rolled back +2 +grace /);
    const { rotation: json } = JSON.parse((await run(stack, ['status', 'billing-agent', '--json'])).out);
    expect(json).toMatchObject({
      leaving: 2,
      rolledBack: true,
      question: { number: 2 },
      decision,
      breakages: 2,
    });
  });

  it('takes no foreign sender for a process of the consumer that it names', async () => {
    const stack = await inGrace();
    const foreign = { ...mirror, consumer: 'billing-agent@AROAEXAMPLE', foreign: true, holds: [] } as const;
    await stack.usage.apply({ usage: [], presence: [foreign] });
    const { out } = await run(stack, ['status', 'billing-agent']);
    expect(out).toMatch(/billing-agent@AROAEXAMPLE \(not the role that is declared\) +0 +0 s ago +- +key 1/);
  });

  it('lets nothing that others have written command the terminal', async () => {
    const stack = twinStack();
    const evil = 'gone\u001b[2J\u001b]0;owned\u0007\nnew line\u009b31m';
    const pause = { at: someTime, by: 'ada', reason: evil };
    const rotation = aRotation({ at: 'abandoned', reason: evil });
    await put(stack, aCredential({ pause }), { rotation });
    const shown = 'gone [2J ]0;owned  new line 31m';
    const { out } = await run(stack, ['status', 'billing-agent']);
    expect(out).toContain(`by ada: ${shown}`);
    expect(out).toMatch(/abandoned .* gone \[2J \]0;owned {2}new line 31m$/m);
    for (const argv of [['status'], ['status', 'billing-agent'], ['pause', 'billing-agent'], ['plan']])
      expect((await run(stack, argv)).out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  it('shows the proof of death, and why a rotation was abandoned', async () => {
    const stack = twinStack();
    const proof = { by: 'refusal', probes: 3, firstAt: someTime, lastAt: someTime } as const;
    const rotation = aRotation({ at: 'abandoned' });
    await put(stack, aCredential(), { rotation, keys: [aKey({ status: 'dead', proof })] });
    const { out } = await run(stack, ['status', 'billing-agent']);
    expect(out).toContain('refused 3 times in a row, 0 s ago');
    expect(out).toMatch(/abandoned .* the issuer refused the request$/m);
  });

  it('shows which targets have the new key, and why one has not', async () => {
    const stack = twinStack();
    const mirror = { done: true, at: someTime, failures: 0, reason: null, told: false };
    const cache = { done: false, at: someTime, failures: 2, reason: 'it does not answer', told: false };
    const rotation = aRotation({ at: 'grace', deployments: { mirror, cache } });
    const declaration = aDeclaration({ targets: ['mirror', 'cache', 'edge'] });
    const activeRotation = rotation.rotationId;
    await put(stack, aCredential({ status: 'rotating', activeRotation, declaration }), { rotation });
    const { out } = await run(stack, ['status', 'billing-agent']);
    expect(out).toMatch(/^ {2}mirror +deployed +0 s ago +0 +-$/m);
    expect(out).toMatch(/^ {2}cache +failing +0 s ago +2 +it does not answer$/m);
    expect(out).toMatch(/^ {2}edge +not yet +- +0 +-$/m);
    expect(out).toMatch(/^waits for +target cache \(it does not answer\)$/m);
  });

  it('shows who has paused it, and that it is not declared any more', async () => {
    const stack = twinStack();
    const pause = { at: someTime, by: 'ada', reason: 'release week' };
    await put(stack, aCredential({ status: 'retiring', pause, removedAt: someTime, failures: 2 }));
    const { out } = await run(stack, ['status', 'billing-agent']);
    expect(out).toMatch(/^paused +0 s ago by ada: release week$/m);
    expect(out).toMatch(/^removed +0 s ago: keyturn\.yaml does not declare it any more$/m);
    expect(out).toMatch(/^failures +2 rotations abandoned in a row$/m);
  });

  it('prints the same for programs, without fingerprints', async () => {
    const { out } = await run(await inGrace(), ['status', 'billing-agent', '--json']);
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
    const { code, err } = await run(await inGrace(), ['status', 'biling-agent']);
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
      reason: 'mirror holds the old key',
      heldBy: ['mirror', 'nightly'],
      consumers: [],
      outcome: 'waiting',
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
