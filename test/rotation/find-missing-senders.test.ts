/** How a consumer gets its voice when its role is made later than it was registered: by the sweep, once an hour. */
import { describe, expect, test } from 'vitest';
import type { Credential, Declaration } from '../../lib/rotation/credential.ts';
import { pause } from '../../lib/rotation/pause.ts';
import { registerCredentials } from '../../lib/rotation/register-credentials.ts';
import { sweepDue } from '../../lib/rotation/sweep-due.ts';
import { aDeclaration } from '../support/builders.ts';
import { callName, type Hook } from '../support/intercept.ts';
import { aWorld, type World } from '../support/world.ts';
import { expectSoundAudit } from './invariants.ts';

const arnOf = (name: string) => `arn:aws:iam::123456789012:role/${name}`;

/** Used by one consumer for each name, which reports as the role of that name. */
const usedBy = (...names: readonly string[]): Declaration =>
  aDeclaration({
    consumers: names.map((name) => ({ name, role: arnOf(name), presence: 'continuous', lostAfter: 3_600 })),
  });

async function aWorldOf(credentials: Readonly<Record<string, Declaration>>): Promise<World> {
  const world = await aWorld();
  await register(world, { 'billing-agent': aDeclaration(), ...credentials });
  return world;
}

const register = (world: World, credentials: Readonly<Record<string, Declaration>>) =>
  registerCredentials(world.ports(), {
    issuers: { openai: { type: 'memory' } },
    targets: {},
    accounts: {},
    prefixes: ['keyturn/'],
    credentials,
  });

const hour = (of: number): string => `2026-03-05T${String(of).padStart(2, '0')}:00:10.000Z`;

/** As on AWS, where the function has a minute. */
function sweepAt(world: World, now: string, hook?: Hook) {
  world.clock.set(now);
  return sweepDue(world.ports({ timeout: 60, ...(hook && { hook }) }));
}

const sendersOf = async (world: World, id: string): Promise<Credential['senders'] | undefined> =>
  (await world.ledger.load(id))?.credential.senders;

/** Counts the questions to IAM. */
function counting(): { readonly hook: Hook; asked(): number } {
  let questions = 0;
  return {
    asked: () => questions,
    hook: async ({ port }, effect) => {
      if (port === 'roles') questions += 1;
      return effect();
    },
  };
}

describe('the sweep of an hour', () => {
  test('finds a role that was made after the registration, and says so in the audit trail', async () => {
    const world = await aWorldOf({ mail: usedBy('api') });
    const id = world.roles.make(arnOf('api'));
    await sweepAt(world, hour(9));
    expect(await sendersOf(world, 'mail')).toEqual({ api: id });
    expect((await world.ledger.audit('mail')).find(({ what }) => what === 'sendersChanged')).toMatchObject({
      actor: 'schedule',
      before: { senders: { api: null } },
      after: { senders: { api: id } },
    });
    await expectSoundAudit(world);
  });

  test('leaves the rest of the hour alone: IAM is asked in its first minute only', async () => {
    const world = await aWorldOf({ mail: usedBy('api') });
    world.roles.make(arnOf('api'));
    const { hook, asked } = counting();
    await sweepAt(world, '2026-03-05T09:01:10.000Z', hook);
    expect(asked()).toBe(0);
    expect(await sendersOf(world, 'mail')).toEqual({ api: null });
  });

  test('asks for a missing role once, however many wait for it, and not for those that are known', async () => {
    const world = await aWorld();
    world.roles.make(arnOf('known'));
    await register(world, { mail: usedBy('known', 'late'), chat: usedBy('late') });
    const id = world.roles.make(arnOf('late'));
    const { hook, asked } = counting();
    await sweepAt(world, hour(9), hook);
    expect(asked()).toBe(1);
    expect(await sendersOf(world, 'mail')).toMatchObject({ late: id });
    expect(await sendersOf(world, 'chat')).toEqual({ late: id });
  });

  test('writes nothing while the role is still missing', async () => {
    const world = await aWorldOf({ mail: usedBy('api') });
    await sweepAt(world, hour(9));
    const before = await world.ledger.audit('mail');
    await sweepAt(world, hour(10));
    expect(await world.ledger.audit('mail')).toEqual(before);
  });

  test('keeps the id of a role that was made anew: only a registration gives a voice to another', async () => {
    const world = await aWorld();
    const before = world.roles.make(arnOf('api'));
    await register(world, { mail: usedBy('api') });
    world.roles.make(arnOf('api'));
    await sweepAt(world, hour(9));
    expect(await sendersOf(world, 'mail')).toEqual({ api: before });
  });

  test('asks nothing for a credential whose last key is dead', async () => {
    const world = await aWorldOf({ mail: usedBy('api') });
    await register(world, { 'billing-agent': aDeclaration() });
    expect((await world.ledger.load('mail'))?.credential.status).toBe('retired');
    const { hook, asked } = counting();
    await sweepAt(world, hour(9), hook);
    expect(asked()).toBe(0);
  });

  test('finds the role of a consumer, whatever that is called', async () => {
    const world = await aWorldOf({ mail: usedBy('constructor') });
    const id = world.roles.make(arnOf('constructor'));
    await sweepAt(world, hour(9));
    expect(await sendersOf(world, 'mail')).toEqual({ constructor: id });
  });
});

describe('a role that IAM does not tell of', () => {
  const throttled: Hook = async ({ port }, effect) => {
    if (port === 'roles') throw new Error('iam:GetRole was throttled');
    return effect();
  };

  test('keeps nothing from being counted and started, fails the sweep in the end, and is asked again', async () => {
    const world = await aWorldOf({ mail: usedBy('api') });
    const id = world.roles.make(arnOf('api'));
    await expect(sweepAt(world, hour(9), throttled)).rejects.toThrow(
      /^ids of roles are still to be found: iam:GetRole was throttled$/,
    );
    expect(world.executions.started).toHaveLength(2);
    expect(world.gauges.filter(({ name }) => name === 'Credentials')).not.toEqual([]);
    await sweepAt(world, hour(10));
    expect(await sendersOf(world, 'mail')).toEqual({ api: id });
  });

  test('keeps no other from being found', async () => {
    const world = await aWorldOf({ mail: usedBy('broken', 'late') });
    const id = world.roles.make(arnOf('late'));
    let questions = 0;
    const brokenOnce: Hook = async (call, effect) => {
      if (call.port !== 'roles') return effect();
      questions += 1;
      return questions === 1 ? throttled(call, effect) : effect();
    };
    await expect(sweepAt(world, hour(9), brokenOnce)).rejects.toThrow('throttled');
    expect(await sendersOf(world, 'mail')).toEqual({ broken: null, late: id });
  });
});

describe('IAM, which serves everybody in the account', () => {
  const many = Array.from({ length: 250 }, (_, n) => `role-${String(n).padStart(3, '0')}`);

  test('is asked eight questions at once, and no more', async () => {
    const world = await aWorldOf({ mail: usedBy(...many) });
    let underWay = 0;
    let most = 0;
    await sweepAt(world, hour(9), async ({ port }, effect) => {
      if (port !== 'roles') return effect();
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return effect();
    });
    expect(most).toBe(8);
  });

  test('is asked 200 questions an hour, and in the next ones for the others', async () => {
    const world = await aWorldOf({ mail: usedBy(...many) });
    for (const name of many) world.roles.make(arnOf(name));
    const { hook, asked } = counting();
    await sweepAt(world, hour(9), hook);
    expect(asked()).toBe(200);
    await sweepAt(world, hour(10), hook);
    expect(asked()).toBe(250);
    expect(Object.values((await sendersOf(world, 'mail')) ?? {})).not.toContain(null);
  });

  test.each(['role-000', 'role-120', 'role-249'])(
    'is asked for %s in its turn, though all the others are never made',
    async (name) => {
      const world = await aWorldOf({ mail: usedBy(...many) });
      const id = world.roles.make(arnOf(name));
      await sweepAt(world, hour(9));
      await sweepAt(world, hour(10));
      expect(await sendersOf(world, 'mail')).toMatchObject({ [name]: id });
    },
  );

  test('is asked nothing more when half of the invocation is over', async () => {
    const world = await aWorldOf({ mail: usedBy(...many.slice(0, 40)) });
    const { hook, asked } = counting();
    await sweepAt(world, hour(9), async (call, effect) => {
      if (call.port === 'roles') world.clock.advance(10);
      return hook(call, effect);
    });
    expect(asked()).toBeGreaterThan(0);
    expect(asked()).toBeLessThan(8);
  });
});

test('a credential that changes meanwhile is read again, and keeps both changes', async () => {
  const world = await aWorldOf({ mail: usedBy('api') });
  const id = world.roles.make(arnOf('api'));
  await sweepAt(world, hour(9), async (call, effect) => {
    if (callName(call) === 'roles.idOf')
      await pause(world.ports(), { credentialId: 'mail', by: 'ada', reason: 'the release' });
    return effect();
  });
  const { credential } = (await world.ledger.load('mail')) ?? {};
  expect(credential).toMatchObject({ senders: { api: id }, pause: { by: 'ada' } });
});

test('a consumer that was declared otherwise meanwhile does not get the id of the role that it had', async () => {
  const world = await aWorldOf({ mail: usedBy('api') });
  world.roles.make(arnOf('api'));
  const { consumers, ...rest } = usedBy('api');
  const moved = { ...rest, consumers: consumers.map((each) => ({ ...each, role: arnOf('team/api') })) };
  await sweepAt(world, hour(9), async (call, effect) => {
    const answer = await effect();
    if (callName(call) === 'roles.idOf')
      await register(world, { 'billing-agent': aDeclaration(), mail: moved });
    return answer;
  });
  expect(await sendersOf(world, 'mail')).toEqual({ api: null });
});
