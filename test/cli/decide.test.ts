import { describe, expect, it } from 'vitest';
import { graceFacts } from '../../lib/rotation/rotation.ts';
import { plus } from '../../lib/usage/instant.ts';
import { aCredential, aKey, aLease, aRotation, refOf, someTime } from '../support/builders.ts';
import { put, run, someCaller, type TwinStack, twinStack } from './twin-stack.ts';

const { rotationId } = aRotation();
const deadline = plus(someTime, -3600);
const oldVersion = aKey().versionId;
const newVersion = 'f00dfeed-10d2-5f4a-9c3e-2b6d8f0a1c4e';

/** A rotation of which its owner is asked, whose execution waits for the answer. */
async function asking(about: Parameters<typeof aRotation>[0] = {}): Promise<TwinStack> {
  const stack = twinStack();
  const rotation = aRotation({
    at: 'grace',
    attempt: 1,
    deadline,
    questions: 1,
    question: { number: 1, askedAt: deadline, remindedAt: deadline },
    verdict: {
      outcome: 'overdue',
      reason: 'mirror holds generation 1',
      heldBy: ['mirror'],
      consumers: [],
      quietAt: null,
    },
    token: 'token-1',
    ...about,
  });
  const keys = [
    aKey({ status: 'superseded' }),
    aKey({ generation: 2, keyId: 'key_live_0002', versionId: newVersion }),
  ];
  await put(stack, aCredential({ status: 'rotating', activeRotation: rotationId, currentGeneration: 2 }), {
    rotation,
    keys,
  });
  stack.executions.waitFor('token-1');
  return stack;
}

const decisionIn = async ({ ledger }: TwinStack) => {
  const { rotation } = (await ledger.load('billing-agent', rotationId)) ?? {};
  return rotation && { phase: rotation.phase, decision: graceFacts(rotation)?.decision };
};

const decide = (stack: TwinStack, ...argv: readonly string[]) =>
  run(stack, ['decide', 'billing-agent', ...argv]);

/** Somebody at the terminal who gives this answer. */
function answering(answer: boolean) {
  const asked: string[] = [];
  const confirm = async (question: string) => {
    asked.push(question);
    return answer;
  };
  return { asked, confirm };
}

const connected = (stack: TwinStack) => async () => stack;

describe('keyturn decide', () => {
  it('shows the question, writes the answer in the name of whoever is there, and wakes the rotation', async () => {
    const stack = await asking();
    const { code, out } = await decide(stack, 'extend', '24h');
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'question 1, asked 60 min ago',
      'overdue at the last look: mirror holds generation 1',
      `decided: extend by 24 h (question 1); rotation ${rotationId} goes on, see "keyturn drain billing-agent"`,
    ]);
    expect(await decisionIn(stack)).toEqual({
      phase: 'grace',
      decision: { choice: 'extend', seconds: 86_400, question: 1, by: someCaller, at: someTime },
    });
    expect((await stack.ledger.audit('billing-agent')).at(-1)).toMatchObject({
      what: 'decided',
      actor: someCaller,
    });
    expect(stack.executions.woken).toEqual(['token-1']);
  });

  it('starts the next run where none waits', async () => {
    const stack = await asking({ questions: 0, question: null, token: null });
    const { out } = await decide(stack, 'extend', '2h');
    expect(out).toContain(`no question is open; the deadline is ${deadline}`);
    expect(out).toContain(`decided: extend by 2 h; the next run of rotation ${rotationId} goes on from it`);
    expect(stack.executions.started.map(({ name }) => name)).toEqual([`${rotationId}-2`]);
  });

  it.each([
    [
      'revoke',
      'Revoke key key_live_0001 (generation 1) without proof? Who still uses it is cut off: mirror.',
      'revoking',
    ],
    [
      'roll-back',
      'Go back to generation 1? Consumers read it again, and generation 2 is to end.',
      'rolling-back',
    ],
  ])('asks once more before %s', async (choice, question, phase) => {
    const stack = await asking();
    const argv = ['decide', 'billing-agent', choice];
    const no = answering(false);
    expect(await run(stack, argv, connected(stack), no.confirm)).toMatchObject({
      code: 1,
      err: 'keyturn: nothing was decided',
    });
    expect(no.asked).toEqual([question]);
    expect(await decisionIn(stack)).toMatchObject({ phase: 'grace', decision: null });
    const yes = answering(true);
    expect(await run(stack, argv, connected(stack), yes.confirm)).toMatchObject({ code: 0 });
    expect(await decisionIn(stack)).toMatchObject({ phase, decision: { choice } });
  });

  it('does not revoke where nobody can be asked, unless told so', async () => {
    const stack = await asking();
    const { code, err } = await decide(stack, 'revoke');
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('say it with --yes') });
    expect(await decisionIn(stack)).toMatchObject({ decision: null });
    expect(await decide(stack, 'revoke', '--yes')).toMatchObject({ code: 0 });
    expect(await decisionIn(stack)).toMatchObject({ phase: 'revoking' });
  });

  it('prints one JSON object for programs', async () => {
    const { out, err } = await decide(await asking(), 'extend', '90m', '--json');
    expect(JSON.parse(out)).toEqual({
      stack: 'keyturn',
      credential: 'billing-agent',
      choice: 'extend',
      seconds: 5400,
      by: someCaller,
      rotationId,
      question: 1,
      woken: true,
    });
    expect(err).toContain('question 1, asked');
  });

  it('refuses the answer to a question that is not open any more', async () => {
    const stack = await asking({
      questions: 2,
      question: { number: 2, askedAt: deadline, remindedAt: deadline },
    });
    const { code, err } = await decide(stack, 'extend', '1h', '--question', '1');
    expect({ code, err }).toEqual({
      code: 1,
      err: 'keyturn: question 1 of credential "billing-agent" is not open any more, question 2 is: look again, then decide',
    });
    expect(await decisionIn(stack)).toMatchObject({ decision: null });
  });

  it('refuses the answer when a new question came while it thought', async () => {
    const stack = await asking();
    const confirm = async () => {
      const question = { number: 2, askedAt: someTime, remindedAt: someTime };
      const { rotation, credential } = (await stack.ledger.load('billing-agent', rotationId)) ?? {};
      if (rotation?.phase === 'grace' && credential)
        await put(stack, credential, { rotation: { ...rotation, questions: 2, question } });
      return true;
    };
    const argv = ['decide', 'billing-agent', 'revoke'];
    const { code, err } = await run(stack, argv, connected(stack), confirm);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringContaining('is not open any more, question 2 is'),
    });
  });

  it('refuses the answer to another rotation, whose questions had the same numbers, before it asks once more', async () => {
    const stack = await asking();
    const { asked, confirm } = answering(true);
    const argv = ['decide', 'billing-agent', 'revoke', '--question', '1', '--rotation', 'an-earlier-one'];
    expect(await run(stack, argv, connected(stack), confirm)).toMatchObject({
      code: 1,
      err: `keyturn: rotation an-earlier-one of credential "billing-agent" is not under way any more, ${rotationId} is: look again, then decide`,
    });
    expect(asked).toEqual([]);
    expect(await decisionIn(stack)).toMatchObject({ phase: 'grace', decision: null });
    expect(await decide(stack, 'extend', '1h', '--question', '1', '--rotation', rotationId)).toMatchObject({
      code: 0,
    });
  });

  it('refuses the answer when another rotation began while it thought', async () => {
    const stack = await asking();
    const another = '7c0ffee0-6f0e-5b1c-9a57-3f2d8c1e4b6a';
    const confirm = async () => {
      const { rotation, credential } = (await stack.ledger.load('billing-agent', rotationId)) ?? {};
      if (rotation && credential) {
        const next = { ...rotation, rotationId: another };
        await put(stack, { ...credential, activeRotation: another }, { rotation: next });
      }
      return true;
    };
    const argv = ['decide', 'billing-agent', 'revoke'];
    expect(await run(stack, argv, connected(stack), confirm)).toMatchObject({
      code: 1,
      err: expect.stringContaining(
        `rotation ${rotationId} of credential "billing-agent" is not under way any more`,
      ),
    });
  });

  it.each(['disabling', 'observing'] as const)(
    'asks once more before it ends a trial by a revoke (%s)',
    async (at) => {
      const stack = await asking({ at, questions: 0, question: null });
      const no = answering(false);
      const argv = ['decide', 'billing-agent', 'revoke'];
      expect(await run(stack, argv, connected(stack), no.confirm)).toMatchObject({
        err: 'keyturn: nothing was decided',
      });
      expect(no.asked).toHaveLength(1);
      expect(await decisionIn(stack)).toMatchObject({ phase: at, decision: null });
    },
  );

  it('waits while a step is at work, and says so once', async () => {
    const stack = await asking();
    const lease = aLease({ until: plus(someTime, 7) });
    await stack.ledger.takeLease(refOf(aRotation()), lease, someTime);
    expect(await decide(stack, 'extend', '1h')).toMatchObject({
      code: 0,
      err: 'a step is at work on "billing-agent": waiting for it',
    });
  });

  it('gives up on a step that does not end, and has decided nothing', async () => {
    const stack = await asking();
    const lease = aLease({ until: plus(someTime, 900) });
    await stack.ledger.takeLease(refOf(aRotation()), lease, someTime);
    const { code, err } = await decide(stack, 'extend', '1h');
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringContaining(
        'nothing was decided: a step has been at work on "billing-agent" for 60 s',
      ),
    });
    expect(await decisionIn(stack)).toMatchObject({ decision: null });
  });

  it.each<readonly [string, Parameters<typeof aRotation>[0], readonly string[], string]>([
    ['before the promotion', { at: 'verifying' }, ['revoke'], 'no old key waits for its end'],
    ['of a first key', { oldGeneration: 0 }, ['extend', '1h'], 'no old key waits for its end'],
    ['while the key is disabled', { at: 'observing' }, ['roll-back'], '"extend" enables it and keeps it'],
    ['twice', { leaving: 'new' }, ['roll-back'], 'it was rolled back already'],
    ['for longer than any grace', {}, ['extend', '31d'], 'is not between 1 s and 30 d'],
  ])('says why nothing can be decided %s', async (_what, about, argv, said) => {
    const stack = await asking(about);
    const { code, err } = await decide(stack, ...argv);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(said) });
  });

  it('says so when nothing is under way', async () => {
    const stack = twinStack();
    await put(stack, aCredential({ status: 'active' }));
    expect(await decide(stack, 'revoke', '--yes')).toMatchObject({
      code: 1,
      err: 'keyturn: credential "billing-agent" is not rotating, so there is nothing to decide',
    });
  });

  it.each([
    [['extend'], 'extend by how much'],
    [['extend', 'soon'], '"soon" is no duration'],
    [['revoke', '24h'], 'revoke takes no duration'],
    [['wait'], 'Allowed choices are extend, revoke, roll-back'],
    [['extend', '1h', '--question', '0'], 'expected a whole number'],
  ])('refuses %j before anybody is asked', async (argv, said) => {
    const offline = async () => {
      throw new Error('there is nothing to ask yet');
    };
    const { code, err } = await run(twinStack(), ['decide', 'billing-agent', ...argv], offline);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(said) });
  });

  it('names the nearest credential when there is none of this id', async () => {
    expect(await run(await asking(), ['decide', 'biling-agent', 'revoke', '--yes'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('did you mean "billing-agent"?'),
    });
  });

  it('shows nothing that others have written as a command to the terminal', async () => {
    const verdict = {
      outcome: 'overdue',
      reason: 'gone\u001b[2J',
      heldBy: ['a\u001b[2J'],
      consumers: [],
      quietAt: null,
    } as const;
    const stack = await asking({ verdict });
    const { asked, confirm } = answering(true);
    const { out } = await run(stack, ['decide', 'billing-agent', 'revoke'], connected(stack), confirm);
    expect(`${out.replaceAll('\n', '')}${asked.join('')}`).not.toMatch(/\p{Cc}/u);
    expect(out).not.toContain(oldVersion);
  });
});
