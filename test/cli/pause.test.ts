import { describe, expect, it } from 'vitest';
import { executionNameOf } from '../../lib/rotation/ids.ts';
import { aCredential, aDeclaration, aRotation, someTime } from '../support/builders.ts';
import { put, run, someCaller, type TwinStack, twinStack } from './twin-stack.ts';

/** Three credentials of two owners, and a retired one. */
async function aTeam(): Promise<TwinStack> {
  const stack = twinStack();
  const declaration = aDeclaration({ owner: { name: 'platform-team' } });
  await put(stack, aCredential({ id: 'billing-agent' }));
  await put(stack, aCredential({ id: 'mail-agent' }));
  await put(stack, aCredential({ id: 'npm-token', declaration }));
  await put(stack, aCredential({ id: 'old-agent', status: 'retired', dueAt: null }));
  return stack;
}

async function pausesIn({ ledger }: TwinStack): Promise<Record<string, string | undefined>> {
  const credentials = await ledger.credentials();
  return Object.fromEntries(credentials.map(({ id, pause }) => [id, pause?.reason]));
}

/** A credential with a rotation under way, whose execution has died if `dead`. */
async function rotating(dead: boolean): Promise<TwinStack> {
  const stack = twinStack();
  const rotation = aRotation({ at: 'verifying' });
  const { credentialId, rotationId, run: number } = rotation;
  await put(stack, aCredential({ status: 'rotating', activeRotation: rotationId, dueAt: null }), {
    rotation,
  });
  const name = executionNameOf(rotationId, number);
  await stack.executions.start(name, { credentialId, rotationId, run: number, requestedBy: 'schedule' });
  if (dead) stack.executions.end(name);
  return stack;
}

describe('keyturn pause', () => {
  it('pauses one credential, in the name of whoever is at the terminal', async () => {
    const stack = await aTeam();
    const { code, out } = await run(stack, ['pause', 'npm-token', '--reason', 'release week']);
    expect({ code, out }).toEqual({ code: 0, out: 'npm-token: paused' });
    expect((await stack.ledger.load('npm-token'))?.credential.pause).toEqual({
      at: someTime,
      by: someCaller,
      reason: 'release week',
    });
  });

  it('says who has paused it before', async () => {
    const stack = await aTeam();
    await run(stack, ['pause', 'npm-token', '--reason', 'release week']);
    const { code, out } = await run(stack, ['pause', 'npm-token', '--reason', 'holidays']);
    expect({ code, out }).toEqual({
      code: 0,
      out: `npm-token: paused already by ${someCaller} (release week)`,
    });
  });

  it('pauses all credentials of an owner, and tells its progress', async () => {
    const stack = await aTeam();
    const { code, err } = await run(stack, ['pause', '--owner', 'billing-team', '--reason', 'audit']);
    expect({ code, err }).toEqual({ code: 0, err: '1/2 billing-agent\n2/2 mail-agent' });
    expect(await pausesIn(stack)).toEqual({ 'billing-agent': 'audit', 'mail-agent': 'audit' });
  });

  it('pauses all that are not retired', async () => {
    const stack = await aTeam();
    await run(stack, ['pause', '--all', '--reason', 'audit']);
    expect(Object.keys(await pausesIn(stack))).toHaveLength(4);
    expect((await pausesIn(stack))['old-agent']).toBeUndefined();
    expect((await pausesIn(stack))['npm-token']).toBe('audit');
  });

  it('says which rotation goes on to its end', async () => {
    const stack = await rotating(false);
    const { out } = await run(stack, ['pause', 'billing-agent']);
    expect(out).toBe(
      `billing-agent: paused; rotation ${aRotation().rotationId} is under way and goes on to its end`,
    );
    const { out: json } = await run(stack, ['pause', 'billing-agent', '--json']);
    expect(JSON.parse(json)).toEqual({
      stack: 'keyturn',
      credentials: [
        {
          credential: 'billing-agent',
          outcome: 'unchanged',
          by: someCaller,
          reason: 'asked for at the command line',
          rotation: aRotation().rotationId,
        },
      ],
    });
  });

  it('goes on with the others when one fails, and names it in the end', async () => {
    const stack = await aTeam();
    const load: TwinStack['ledger']['load'] = async (id, rotationId) => {
      if (id === 'billing-agent') throw new Error('the table is busy');
      return stack.ledger.load(id, rotationId);
    };
    const flaky = { ...stack, ledger: { ...stack.ledger, load } };
    const { code, out, err } = await run(flaky, ['pause', '--all']);
    expect(code).toBe(1);
    expect(out).toContain('billing-agent: failed: Error: the table is busy');
    expect(out).toContain('npm-token: paused');
    expect(err).toMatch(/keyturn: 1 of 3 failed: billing-agent$/);
  });

  it.each([
    [['pause'], 2, 'name one credential'],
    [['pause', 'npm-token', '--all'], 2, 'name one credential'],
    [['resume', '--all', '--owner', 'billing-team'], 2, 'name one credential'],
    [['pause', 'npm-tokn'], 1, 'did you mean "npm-token"?'],
    [['pause', '--owner', 'biling-team'], 1, 'did you mean "billing-team"?'],
  ])('refuses %j', async (argv, code, said) => {
    const stack = await aTeam();
    expect(await run(stack, argv)).toMatchObject({ code, err: expect.stringContaining(said) });
    expect(Object.values(await pausesIn(stack)).filter(Boolean)).toEqual([]);
  });
});

it.each([
  [['pause']],
  [['pause', 'npm-token', '--all']],
  [['resume']],
  [['resume', '--all', '--owner', 'billing-team']],
])('%j is refused before anybody is asked', async (argv) => {
  const offline = async () => {
    throw new Error('there is nothing to ask yet');
  };
  expect(await run(twinStack(), argv, offline)).toMatchObject({
    code: 2,
    err: expect.stringContaining('name one credential'),
  });
});

describe('keyturn resume', () => {
  it('takes a pause back and says when the credential is due', async () => {
    const stack = await aTeam();
    await run(stack, ['pause', 'npm-token']);
    const { code, out } = await run(stack, ['resume', 'npm-token']);
    expect({ code, out }).toEqual({ code: 0, out: `npm-token: resumed; due at ${someTime}` });
    expect((await stack.ledger.load('npm-token'))?.credential.pause).toBeNull();
  });

  it('changes nothing where there is no pause', async () => {
    const stack = await aTeam();
    const { out } = await run(stack, ['resume', 'npm-token', '--json']);
    expect(JSON.parse(out)).toEqual({
      stack: 'keyturn',
      credentials: [
        { credential: 'npm-token', outcome: 'unchanged', unpaused: false, rotation: null, dueAt: someTime },
      ],
    });
  });

  it('gives a rotation whose execution has died a new one', async () => {
    const stack = await rotating(true);
    const { code, out } = await run(stack, ['resume', 'billing-agent']);
    const { rotationId } = aRotation();
    expect({ code, out }).toEqual({
      code: 0,
      out: `billing-agent: was not paused; the execution of rotation ${rotationId} had died, and a new one goes on`,
    });
    expect(stack.executions.started.map(({ name }) => name)).toEqual([`${rotationId}-1`, `${rotationId}-2`]);
  });

  it('leaves a rotation alone whose execution is at work', async () => {
    const stack = await rotating(false);
    const { out } = await run(stack, ['resume', 'billing-agent']);
    expect(out).toBe(`billing-agent: was not paused; rotation ${aRotation().rotationId} is under way`);
    expect(stack.executions.started).toHaveLength(1);
  });
});
