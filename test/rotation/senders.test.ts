/** How a registration learns who speaks for each consumer. */
import { describe, expect, test } from 'vitest';
import type { Credential, Declaration } from '../../lib/rotation/credential.ts';
import { registerCredentials } from '../../lib/rotation/register-credentials.ts';
import type { Consumer } from '../../lib/usage/presence.ts';
import { aDeclaration } from '../support/builders.ts';
import type { Hook } from '../support/intercept.ts';
import { aWorld, type World } from '../support/world.ts';
import { expectSoundAudit } from './invariants.ts';

const blocks = {
  issuers: { openai: { type: 'memory' } },
  targets: {},
  accounts: {},
  prefixes: ['keyturn/'],
};

const arnOf = (name: string) => `arn:aws:iam::123456789012:role/${name}`;

const consumer = (name: string, more: Partial<Consumer> = {}): Consumer => ({
  name,
  presence: 'continuous',
  lostAfter: 3_600,
  ...more,
});

const used = (...consumers: readonly Consumer[]): Declaration => aDeclaration({ consumers });

const register = (world: World, credentials: Readonly<Record<string, Declaration>>, hook?: Hook) =>
  registerCredentials(world.ports(hook && { hook }), { ...blocks, credentials });

const sendersOf = async (world: World, id: string): Promise<Credential['senders'] | undefined> =>
  (await world.ledger.load(id))?.credential.senders;

/** Every question to IAM fails. */
const withoutIam: Hook = async ({ port }, effect) => {
  if (port === 'roles') throw new Error('iam:GetRole was throttled');
  return effect();
};

describe('a registration', () => {
  test('keeps the id of each declared role, and nothing of consumers without one', async () => {
    const world = await aWorld();
    const id = world.roles.make(arnOf('api'));
    const counts = await register(world, {
      mail: used(
        consumer('api', { role: arnOf('api') }),
        consumer('elsewhere', { role: arnOf('x'), roleId: 'AROADBQP57FF2AEXAMPLE' }),
        consumer('anybody'),
      ),
    });
    expect(await sendersOf(world, 'mail')).toEqual({ api: id, elsewhere: 'AROADBQP57FF2AEXAMPLE' });
    expect(counts).toMatchObject({ added: 1, unresolved: 0, roleTroubles: [] });
    expect((await world.ledger.audit('mail'))[0]).toMatchObject({
      what: 'registered',
      after: { senders: { api: id } },
    });
  });

  test('asks for each role once, however many consumers name it, and not where its id is declared', async () => {
    const world = await aWorld();
    const questions: string[] = [];
    const declaration = used(
      consumer('api', { role: arnOf('api') }),
      consumer('worker', { role: arnOf('api') }),
      consumer('elsewhere', { role: arnOf('x'), roleId: 'AROADBQP57FF2AEXAMPLE' }),
    );
    await register(world, { mail: declaration, billing: declaration }, async ({ port, method }, effect) => {
      if (port === 'roles') questions.push(method);
      return effect();
    });
    expect(questions).toEqual(['idOf']);
  });

  test('asks eight questions at once, and no more', async () => {
    const world = await aWorld();
    let underWay = 0;
    let most = 0;
    const consumers = Array.from({ length: 40 }, (_, n) => consumer(`c-${n}`, { role: arnOf(`r-${n}`) }));
    await register(world, { mail: used(...consumers) }, async ({ port }, effect) => {
      if (port !== 'roles') return effect();
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return effect();
    });
    expect(most).toBe(8);
  });

  test('that is run again writes nothing while the roles are the same', async () => {
    const world = await aWorld();
    world.roles.make(arnOf('api'));
    const credentials = {
      mail: used(consumer('gone', { role: arnOf('gone') }), consumer('api', { role: arnOf('api') })),
      'billing-agent': aDeclaration(),
    };
    await register(world, credentials);
    const before = world.ledger.rows();
    expect(await register(world, credentials)).toMatchObject({ changed: 0, unchanged: 2, unresolved: 1 });
    expect(world.ledger.rows()).toEqual(before);
  });

  test('notices that a role was made anew, in a change of its own', async () => {
    const world = await aWorld();
    const before = world.roles.make(arnOf('api'));
    const credentials = { 'billing-agent': used(consumer('api', { role: arnOf('api') })) };
    await register(world, credentials);
    const after = world.roles.make(arnOf('api'));
    expect(await register(world, credentials)).toMatchObject({ changed: 1, unchanged: 0 });
    expect(await sendersOf(world, 'billing-agent')).toEqual({ api: after });
    expect((await world.ledger.audit('billing-agent')).at(-1)).toMatchObject({
      actor: 'registration',
      what: 'sendersChanged',
      before: { senders: { api: before } },
      after: { senders: { api: after } },
    });
    await expectSoundAudit(world);
  });

  test('forgets the role of a consumer that is declared no longer', async () => {
    const world = await aWorld();
    world.roles.make(arnOf('api'));
    await register(world, { mail: used(consumer('api', { role: arnOf('api') })) });
    await register(world, { mail: used(consumer('api')) });
    expect(await sendersOf(world, 'mail')).toEqual({});
  });
});

describe('a role that has no id', () => {
  test('lets the registration succeed, and is named and counted', async () => {
    const world = await aWorld();
    const counts = await register(world, {
      mail: used(consumer('api', { role: arnOf('api') }), consumer('worker', { role: arnOf('api') })),
    });
    expect(await sendersOf(world, 'mail')).toEqual({ api: null, worker: null });
    expect(counts).toMatchObject({ added: 1, unresolved: 2 });
    expect(counts.roleTroubles).toEqual([
      `this account has no role ${arnOf('api')}, the role of consumer api of mail and 1 more: keyturn looks again each hour; make it, correct the ARN, or give \`roleId\` for a role of another account`,
    ]);
  });

  test('takes the id away that it had: nobody speaks for its consumer any more', async () => {
    const world = await aWorld();
    const credentials = { mail: used(consumer('api', { role: arnOf('api') })) };
    world.roles.make(arnOf('api'));
    await register(world, credentials);
    world.roles.delete(arnOf('api'));
    expect(await register(world, credentials)).toMatchObject({ changed: 1, unresolved: 1 });
    expect(await sendersOf(world, 'mail')).toEqual({ api: null });
  });

  test('is one of twenty that are named; the rest are counted', async () => {
    const world = await aWorld();
    const consumers = Array.from({ length: 25 }, (_, n) => consumer(`c-${n}`, { role: arnOf(`r-${n}`) }));
    const { roleTroubles } = await register(world, { mail: used(...consumers) });
    expect(roleTroubles).toHaveLength(21);
    expect(roleTroubles.at(-1)).toBe('and 5 more');
  });
});

describe('when IAM does not answer', () => {
  test('the ids that are known stay, and what is new gets none until the next registration', async () => {
    const world = await aWorld();
    const id = world.roles.make(arnOf('api'));
    const known = consumer('api', { role: arnOf('api') });
    await register(world, { mail: used(known) });
    world.roles.make(arnOf('api'));
    const counts = await register(
      world,
      { mail: used(known, consumer('new', { role: arnOf('new') })) },
      withoutIam,
    );
    expect(await sendersOf(world, 'mail')).toEqual({ api: id, new: null });
    expect(counts).toMatchObject({ changed: 1, unresolved: 1 });
    expect(counts.roleTroubles).toEqual([
      'iam:GetRole was throttled: the role of consumer api of mail; an id that was known stays',
      'iam:GetRole was throttled: the role of consumer new of mail; an id that was known stays',
    ]);
  });

  test('the id of another role does not stay: the consumer has changed to one that nobody knows', async () => {
    const world = await aWorld();
    world.roles.make(arnOf('api'));
    await register(world, { mail: used(consumer('api', { role: arnOf('api') })) });
    await register(world, { mail: used(consumer('api', { role: arnOf('team/api') })) }, withoutIam);
    expect(await sendersOf(world, 'mail')).toEqual({ api: null });
  });

  test('it is asked for five minutes, then the credentials are written without it', async () => {
    const world = await aWorld();
    let questions = 0;
    const consumers = Array.from({ length: 40 }, (_, n) => consumer(`c-${n}`, { role: arnOf(`r-${n}`) }));
    const counts = await register(world, { mail: used(...consumers) }, async ({ port }, effect) => {
      if (port !== 'roles') return effect();
      questions += 1;
      world.clock.advance(60);
      return effect();
    });
    expect(questions).toBe(5);
    expect(counts).toMatchObject({ added: 1, unresolved: 40 });
    expect(counts.roleTroubles.at(-2)).toContain('IAM was not asked for arn:aws:iam::123456789012:role/r-');
  });
});

test('a consumer whose role was not known gets its id with the next registration, whatever it is called', async () => {
  const world = await aWorld();
  const declaration = used(consumer('constructor', { role: arnOf('api') }));
  await register(world, { mail: declaration }, withoutIam);
  expect(await sendersOf(world, 'mail')).toEqual({ constructor: null });
  const id = world.roles.make(arnOf('api'));
  expect(await register(world, { mail: declaration })).toMatchObject({ changed: 1, unresolved: 0 });
  expect(await sendersOf(world, 'mail')).toEqual({ constructor: id });
});
