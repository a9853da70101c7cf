import { describe, expect, test } from 'vitest';
import { LedgerChanged } from '../../lib/rotation/errors.ts';
import { registerCredentials } from '../../lib/rotation/register-credentials.ts';
import { aDeclaration } from '../support/builders.ts';
import type { Hook } from '../support/intercept.ts';
import { aWorld, type World } from '../support/world.ts';
import { expectSoundAudit } from './invariants.ts';
import { aWorldWithKey } from './scenarios.ts';

const register = (world: World, credentials: Readonly<Record<string, ReturnType<typeof aDeclaration>>>) =>
  registerCredentials(world.ports(), {
    issuers: { openai: { type: 'memory', n: 2 } },
    targets: {},
    credentials,
  });

describe('a new credential', () => {
  test('is due at once and has no key', async () => {
    const world = await aWorld();
    await expect(register(world, { mirror: aDeclaration() })).resolves.toMatchObject({
      added: 1,
      changed: 0,
      unchanged: 0,
    });
    expect((await world.ledger.load('mirror'))?.credential).toMatchObject({
      id: 'mirror',
      status: 'new',
      epoch: 1,
      dueAt: world.clock.now(),
      currentGeneration: 0,
      lastGeneration: 0,
      currentVersionId: null,
      auditSeq: 1,
    });
  });

  test('carries the id of the installation, which never changes', async () => {
    const world = await aWorld();
    const first = await register(world, { mirror: aDeclaration() });
    const second = await register(world, { nightly: aDeclaration() });
    expect(second.installationId).toBe(first.installationId);
    const ids = (await world.ledger.credentials()).map(({ installationId }) => installationId);
    expect(new Set(ids)).toEqual(new Set([first.installationId]));
  });
});

describe('a credential that is registered again', () => {
  test('stays as it is when nothing was changed', async () => {
    const world = await aWorldWithKey();
    const before = world.ledger.rows();
    await expect(register(world, { 'billing-agent': aDeclaration() })).resolves.toMatchObject({
      added: 0,
      changed: 0,
      unchanged: 1,
    });
    expect(world.ledger.rows()).toEqual(before);
  });

  test('is unchanged when only the order of its fields differs', async () => {
    const world = await aWorld();
    const reversed = Object.fromEntries(Object.entries(aDeclaration()).reverse());
    const counts = await register(world, { 'billing-agent': { ...aDeclaration(), ...reversed } });
    expect(counts).toMatchObject({ unchanged: 1 });
  });

  test('keeps its key and its history when its declaration changes', async () => {
    const world = await aWorldWithKey();
    const before = (await world.view()).credential;
    const declaration = aDeclaration({ owner: { name: 'platform' } });
    await expect(register(world, { 'billing-agent': declaration })).resolves.toMatchObject({ changed: 1 });
    expect((await world.view()).credential).toMatchObject({
      declaration,
      status: 'active',
      currentGeneration: 1,
      currentVersionId: before.currentVersionId,
      dueAt: before.dueAt,
      auditSeq: before.auditSeq + 1,
    });
    expect((await world.ledger.audit('billing-agent')).at(-1)).toMatchObject({
      actor: 'registration',
      what: 'declarationChanged',
      before: { declaration: { owner: { name: 'billing-team' } } },
      after: { declaration: { owner: { name: 'platform' } } },
    });
    await expectSoundAudit(world);
  });
});

test('issuer blocks are kept as they were declared last', async () => {
  const world = await aWorld();
  await register(world, {});
  await expect(world.ports().issuerBlocks.get('openai')).resolves.toEqual({ type: 'memory', n: 2 });
});

test('a registration that died half-way is finished by the next', async () => {
  const world = await aWorld();
  let commits = 0;
  const ports = world.ports({
    hook: async (call, effect) => {
      commits += call.method === 'commit' ? 1 : 0;
      if (commits === 2) throw new Error('gone');
      return effect();
    },
  });
  const credentials = { a: aDeclaration(), b: aDeclaration(), c: aDeclaration() };
  await expect(registerCredentials(ports, { issuers: {}, targets: {}, credentials })).rejects.toThrow('gone');
  await expect(register(world, credentials)).resolves.toMatchObject({ added: 2, unchanged: 1 });
});

describe('a registration in the middle of a rotation', () => {
  test('reads again when a step has changed the row meanwhile', async () => {
    const world = await aWorldWithKey();
    let commits = 0;
    const hook: Hook = async (call, effect) => {
      if (call.method !== 'commit') return effect();
      commits += 1;
      if (commits === 1) throw new LedgerChanged('a step was faster');
      return effect();
    };
    const changed = aDeclaration({ owner: { name: 'another-team' } });
    const credentials = { [world.credentialId]: changed };
    await expect(
      registerCredentials(world.ports({ hook }), { issuers: {}, targets: {}, credentials }),
    ).resolves.toMatchObject({
      changed: 1,
    });
    expect((await world.view()).credential.declaration).toEqual(changed);
  });

  test('gives up when the row never rests', async () => {
    const world = await aWorldWithKey();
    const hook: Hook = async (call, effect) => {
      if (call.method === 'commit') throw new LedgerChanged('a step was faster');
      return effect();
    };
    const credentials = { [world.credentialId]: aDeclaration({ owner: { name: 'another-team' } }) };
    await expect(
      registerCredentials(world.ports({ hook }), { issuers: {}, targets: {}, credentials }),
    ).rejects.toThrow(LedgerChanged);
  });
});

describe('a credential that has keys', () => {
  test.each([
    ['issuer', { issuer: 'another' }, 'cannot change its issuer from'],
    [
      'secret',
      { secret: { name: 'keyturn/elsewhere', format: 'text' as const } },
      'cannot change its secret from',
    ],
  ])('keeps its %s', async (_what, change, text) => {
    const world = await aWorldWithKey();
    const credentials = { [world.credentialId]: aDeclaration(change) };
    const before = world.ledger.rows();
    await expect(
      registerCredentials(world.ports(), { issuers: {}, targets: {}, credentials }),
    ).rejects.toThrow(text);
    expect(world.ledger.rows()).toEqual(before);
  });
});
