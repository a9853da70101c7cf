import { describe, expect, test } from 'vitest';
import { begin } from '../../lib/rotation/begin.ts';
import { IssuerRejected, IssuerUnavailable } from '../../lib/rotation/errors.ts';
import { issueKey } from '../../lib/rotation/issue-key.ts';
import type { RotationRef } from '../../lib/rotation/ports.ts';
import { startRotation } from '../../lib/rotation/start-rotation.ts';
import { sweepDue } from '../../lib/rotation/sweep-due.ts';
import { plus } from '../../lib/usage/instant.ts';
import type { StepName } from '../../lib/workflow/steps.ts';
import { callName } from '../support/intercept.ts';
import { runWorkflow, useCases } from '../support/run-workflow.ts';
import { aWorld, type World, type WorldOptions } from '../support/world.ts';
import {
  expectEvents,
  expectNoKey,
  expectNothingRevoked,
  expectOneKey,
  expectSoundAudit,
} from './invariants.ts';
import { aWorldWithKey, leave } from './scenarios.ts';

/** A credential with a key that a deploy no longer declares, and its retirement. */
async function removed(options: WorldOptions = {}) {
  const world = await aWorldWithKey(options);
  const counts = await world.redeploy('without it');
  return { world, counts, ref: await world.nextRotation() };
}

/** The issuer was never asked to end the one key that there is. */
async function expectNeverRevoked(world: World): Promise<void> {
  await expectOneKey(world);
  expect(world.issuer.calls.map(({ verb }) => verb)).not.toContain('revoke');
}

/** Looks at the drain as often as the workflow would until `hours` have gone by. */
async function lookFor(world: World, ref: RotationRef, hours: number, meanwhile: () => Promise<void>) {
  const end = plus(world.clock.now(), hours * 3600);
  for (;;) {
    const { next, lookAt } = await useCases.checkDrain(world.ports(), ref);
    if (next === 'askOwner' && world.clock.now() < end) {
      world.clock.advance(86_400);
      await meanwhile();
      continue;
    }
    if (!lookAt || lookAt > end) return next;
    world.clock.set(lookAt);
    await meanwhile();
  }
}

describe('a credential that is no longer declared', () => {
  test('and has no key is retired at once', async () => {
    const world = await aWorld();
    await expect(world.redeploy('without it')).resolves.toMatchObject({ removed: 1 });
    expect((await world.view()).credential).toMatchObject({
      status: 'retired',
      removedAt: world.clock.now(),
      dueAt: null,
    });
    expect(await sweepDue(world.ports())).toMatchObject({ due: 0 });
  });

  test('and has a key retires: the sweep starts what ends the key', async () => {
    const { world, counts, ref } = await removed();
    expect(counts).toMatchObject({ removed: 1, added: 0, changed: 0 });
    expect((await world.view()).credential).toMatchObject({ status: 'retiring', dueAt: world.clock.now() });
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ started: 1 });
    expect(world.executions.started.at(-1)?.input.rotationId).toBe(ref.rotationId);
  });

  test('is removed once: the next registration counts and writes nothing of it', async () => {
    const { world } = await removed();
    const before = world.ledger.rows();
    await expect(world.redeploy('without it')).resolves.toMatchObject({ removed: 0, unchanged: 0 });
    expect(world.ledger.rows()).toEqual(before);
  });

  test('has its last key revoked and proven dead once its consumers have said goodbye', async () => {
    const { world, ref } = await removed();
    const run = await runWorkflow(world, ref, { meanwhile: leave });
    expect(run.entered).toEqual([
      'begin',
      ...Array.from({ length: run.entered.length - 4 }, () => 'checkDrain'),
      'revokeKey',
      'proveDead',
      'complete',
    ]);
    expect(await world.rotation(ref)).toMatchObject({ kind: 'retire', phase: 'completed', oldGeneration: 1 });
    await expectNoKey(world);
    expect(world.issuer.calls.filter(({ verb }) => verb === 'create')).toHaveLength(1);
    await expectSoundAudit(world);
    await expectEvents(world, ref, ['Rotation Started', 'Rotation Completed']);
  });

  test('leaves its dead value in the secret, which a person may delete', async () => {
    const { world, ref } = await removed();
    const before = (await world.currentVersion()) ?? '';
    await runWorkflow(world, ref, { meanwhile: leave });
    expect((await world.secrets.versions(world.secretName))?.get(before)).toEqual(['AWSCURRENT']);
  });

  test('keeps its key as long as a consumer uses it', async () => {
    const { world, ref } = await removed();
    await runWorkflow(world, ref, { until: 'checkDrain' });
    expect(await lookFor(world, ref, 100, () => world.report())).toBe('askOwner');
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'grace',
      verdict: { heldBy: ['billing-agent'] },
    });
    expect(world.issuer.liveKeys()).toHaveLength(1);
  });

  test('keeps its key as long as a consumer holds it, used or not', async () => {
    const { world, ref } = await removed();
    const holds = [(await world.currentVersion()) ?? ''];
    await runWorkflow(world, ref, { until: 'checkDrain' });
    expect(await lookFor(world, ref, 100, () => world.report({ holds, lastUse: {} }))).toBe('askOwner');
    expect(world.issuer.liveKeys()).toHaveLength(1);
  });

  test('keeps its key when a consumer vanishes without goodbye: its silence proves nothing', async () => {
    const { world, ref } = await removed();
    await runWorkflow(world, ref, { until: 'checkDrain' });
    expect(await lookFor(world, ref, 100, async () => {})).toBe('askOwner');
    const { credential, rotation } = await world.view(ref);
    expect(credential.status).toBe('retiring');
    expect(rotation).toMatchObject({ verdict: { consumers: [{ state: 'unknown' }] } });
    expect(world.events.events.map(({ type }) => type)).toContain('Decision Needed');
    expect(world.issuer.liveKeys()).toHaveLength(1);
  });

  test('waits for no target: there is no other key to bring there', async () => {
    const { world, ref } = await removed({ declaration: { targets: ['vault'] } });
    const { length } = world.targetOf('vault').deployments;
    const run = await runWorkflow(world, ref, { meanwhile: leave });
    expect(run.entered).not.toContain('deployKey');
    expect(world.targetOf('vault').deployments).toHaveLength(length);
    await expectNoKey(world);
  });

  test('is done with an intermittent consumer after its period without use', async () => {
    const ci = { name: 'billing-agent', presence: 'intermittent', period: 7200, lostAfter: 3600 } as const;
    const { world, ref } = await removed({ declaration: { consumers: [ci] } });
    const lastUse = world.clock.now();
    await runWorkflow(world, ref, { meanwhile: async () => {} });
    await expectNoKey(world);
    const { drainedAt } = { drainedAt: '', ...(await world.rotation(ref)) };
    expect((drainedAt ?? '') >= plus(lastUse, 7200)).toBe(true);
  });

  test('waits for the window before its key is revoked', async () => {
    const { grace, rotateEvery } = (await aWorld().then(({ view }) => view())).credential.declaration.policy;
    const windows = [{ days: ['sat'], from: '02:00', to: '04:00', timeZone: 'UTC' }] as const;
    const { world, ref } = await removed({ declaration: { policy: { grace, rotateEvery, windows } } });
    world.clock.set('2026-03-07T03:30:00.000Z');
    await runWorkflow(world, ref, { meanwhile: leave });
    await expectNoKey(world);
    const { drainedAt } = { drainedAt: '', ...(await world.rotation(ref)) };
    expect(drainedAt).toBe('2026-03-14T02:00:00.000Z');
  });
});

describe('a credential that is declared again', () => {
  test('while its last key drains keeps that key', async () => {
    const { world, ref } = await removed();
    await runWorkflow(world, ref, { until: 'checkDrain' });
    await expect(world.redeploy({})).resolves.toMatchObject({ restored: 1 });
    const run = await runWorkflow(world, ref);
    expect(run).toMatchObject({ entered: ['begin', 'checkDrain'], outcome: 'ended' });
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'abandoned',
      reason: 'the credential is declared again',
    });
    await expectOneKey(world);
    const { credential } = await world.view();
    expect(credential).toMatchObject({ removedAt: null, failures: 0 });
    expect(credential.dueAt).toBe(plus(credential.lastPromotedAt ?? '', 90 * 86_400));
    await expectSoundAudit(world);
    await expectEvents(world, ref, ['Rotation Started', 'Rotation Abandoned']);
  });

  test('before anything has started is as it was', async () => {
    const { world } = await removed();
    await expect(world.redeploy({})).resolves.toMatchObject({ restored: 1 });
    const { credential } = await world.view();
    expect(credential).toMatchObject({ status: 'active', removedAt: null });
    expect(credential.dueAt).toBe(plus(credential.lastPromotedAt ?? '', 90 * 86_400));
    await expectOneKey(world);
  });

  test('after its key is dead gets a new first key in the same secret', async () => {
    const { world, ref } = await removed();
    await runWorkflow(world, ref, { meanwhile: leave });
    const before = await world.currentVersion();
    await expect(world.redeploy({})).resolves.toMatchObject({ restored: 1 });
    expect((await world.view()).credential).toMatchObject({ status: 'new', dueAt: world.clock.now() });
    const next = await world.nextRotation();
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ started: 1 });
    await runWorkflow(world, next);
    expect(await world.rotation(next)).toMatchObject({
      kind: 'rotate',
      phase: 'completed',
      oldGeneration: 0,
    });
    expect(await world.currentVersion()).not.toBe(before);
    expect((await world.keys()).map(({ status }) => status)).toEqual(['dead', 'current']);
    await expectOneKey(world);
  });

  test('after its adopted key is dead gets a key of its own, for there is nothing to adopt any more', async () => {
    const { world, ref } = await removed();
    await runWorkflow(world, ref, { meanwhile: leave });
    await world.redeploy({ adopt: { keyId: 'key-1' } });
    const next = await world.nextRotation();
    await runWorkflow(world, next);
    expect(await world.rotation(next)).toMatchObject({ kind: 'rotate', phase: 'completed' });
    await expectOneKey(world);
  });

  test('after its key is dead, with another secret, gets its first key there', async () => {
    const { world, ref } = await removed();
    await runWorkflow(world, ref, { meanwhile: leave });
    await world.redeploy({ secret: { name: 'keyturn/demo/elsewhere', format: 'text' } });
    const next = await world.nextRotation();
    await runWorkflow(world, next);
    expect(await world.rotation(next)).toMatchObject({ phase: 'completed' });
    const versions = await world.secrets.versions('keyturn/demo/elsewhere');
    expect(versions?.get((await world.view()).credential.currentVersionId ?? '')).toContain('AWSCURRENT');
  });

  test('after its key is dead, with another format, gets its first key in the same secret', async () => {
    const { world, ref } = await removed();
    await runWorkflow(world, ref, { meanwhile: leave });
    await world.redeploy({ secret: { name: world.secretName, format: 'text' } });
    const next = await world.nextRotation();
    await runWorkflow(world, next);
    expect(await world.rotation(next)).toMatchObject({ phase: 'completed' });
    const text = await world.secrets.read(world.secretName, (await world.currentVersion()) ?? '');
    expect(world.issuer.answerTo(text)).toBe('alive');
  });

  test('before the issuer was asked to revoke its last key keeps that key', async () => {
    const { world, ref } = await removed();
    await runWorkflow(world, ref, { until: 'revokeKey', meanwhile: leave });
    await world.redeploy({});
    const run = await runWorkflow(world, ref);
    expect(run).toMatchObject({ entered: ['begin', 'revokeKey', 'proveDead'], outcome: 'ended' });
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'abandoned',
      condemned: null,
      reason: 'the credential is declared again',
    });
    await expectNeverRevoked(world);
    await expectSoundAudit(world);
    await expectEvents(world, ref, ['Rotation Started', 'Rotation Abandoned']);
  });

  test('while nobody knows whether the issuer has revoked its last key begins anew', async () => {
    const { world, ref } = await removed();
    await runWorkflow(world, ref, { until: 'revokeKey', meanwhile: leave });
    world.issuer.failNext('revoke');
    await expect(useCases.revokeKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    await world.redeploy({});
    await expect(useCases.revokeKey(world.ports(), ref)).resolves.toEqual({ next: 'proveDead' });
    await runWorkflow(world, ref);
    expect((await world.view()).credential).toMatchObject({ status: 'new', activeRotation: null });
  });

  test('after the issuer has accepted the revoke begins anew: it is not taken back', async () => {
    const { world, ref } = await removed();
    await runWorkflow(world, ref, { until: 'proveDead', meanwhile: leave });
    await world.redeploy({});
    await runWorkflow(world, ref);
    expect((await world.view()).credential).toMatchObject({
      status: 'new',
      activeRotation: null,
      currentGeneration: 0,
      dueAt: world.clock.now(),
    });
    const next = await world.nextRotation();
    await runWorkflow(world, next);
    await expectOneKey(world);
  });
});

/** Removed where `step` is next; the rotation then runs to its end, and what it leads to is started. */
async function removedBefore(step: StepName, options: WorldOptions = {}) {
  const world = await aWorldWithKey(options);
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: step });
  await world.redeploy('without it');
  const run = await runWorkflow(world, ref);
  return { world, ref, run };
}

async function retireNext(world: World): Promise<void> {
  expect((await world.view()).credential).toMatchObject({ status: 'retiring', activeRotation: null });
  world.clock.advance(601);
  await expect(sweepDue(world.ports())).resolves.toMatchObject({ started: 1 });
  const next = await world.nextRotation();
  await runWorkflow(world, next, { meanwhile: leave });
  expect(await world.rotation(next)).toMatchObject({ kind: 'retire', phase: 'completed' });
  await expectNoKey(world);
}

describe('a credential that is removed in the middle of a rotation', () => {
  test.each<StepName>(['issueKey', 'verifyKey', 'promoteKey'])(
    'where %s is next has it abandoned before anybody reads the new key, and retires',
    async (step) => {
      const { world, ref } = await removedBefore(step);
      expect(await world.rotation(ref)).toMatchObject({
        phase: 'abandoned',
        reason: expect.stringMatching(
          /^CredentialRemoved: credential "billing-agent" is no longer declared since/,
        ),
      });
      expect((await world.keys()).map(({ status }) => status)).toEqual(['current', 'dead']);
      expect((await world.view()).credential.failures).toBe(0);
      await retireNext(world);
    },
  );

  test.each<StepName>(['checkDrain', 'revokeKey', 'proveDead', 'complete'])(
    'where %s is next has it finished, and retires then',
    async (step) => {
      const { world, ref } = await removedBefore(step);
      expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
      expect((await world.keys()).map(({ status }) => status)).toEqual(['dead', 'current']);
      await retireNext(world);
    },
  );

  test('that would have been its first is retired without a key', async () => {
    const world = await aWorld();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'verifyKey' });
    await world.redeploy('without it');
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'abandoned' });
    await retireNext(world);
  });

  test('that is blocked retires, and the key that nobody can place is left alone', async () => {
    const world = await aWorldWithKey({ capabilities: { named: false, exclusive: false } });
    world.issuer.createThenFail();
    await runWorkflow(world, await world.nextRotation());
    await expectNothingRevoked(world);
    await expect(world.redeploy('without it')).resolves.toMatchObject({ removed: 1 });
    await sweepDue(world.ports());
    const next = await world.nextRotation();
    await runWorkflow(world, next, { meanwhile: leave });
    expect((await world.view()).credential).toMatchObject({ status: 'retired', currentGeneration: 0 });
    expect((await world.keys()).map(({ status }) => status)).toEqual(['dead']);
    expect(world.issuer.liveKeys().map(({ keyId }) => keyId)).toEqual(['key-2']);
  });
});

test('nobody can ask for a rotation of a retired credential', async () => {
  const { world, ref } = await removed();
  await runWorkflow(world, ref, { meanwhile: leave });
  const { credentialId } = world;
  expect(await startRotation(world.ports(), { credentialId, requestedBy: 'ada' })).toEqual({
    outcome: 'rejected',
    reason: expect.stringContaining('is retired and no longer declared'),
  });
  expect(world.executions.started).toHaveLength(0);
});

describe('a credential that is removed while its rotation runs into keys that nobody can place', () => {
  /** The rotation has ended blocked: the last key ends all the same, and the foreign one is left alone. */
  async function retiresAllTheSame(world: World, ref: RotationRef): Promise<void> {
    expect(await world.rotation(ref)).toMatchObject({ phase: 'blocked' });
    expect((await world.view()).credential).toMatchObject({
      status: 'retiring',
      activeRotation: null,
      dueAt: world.clock.now(),
    });
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ started: 1 });
    const next = await world.nextRotation();
    await runWorkflow(world, next, { meanwhile: leave });
    expect(await world.rotation(next)).toMatchObject({ kind: 'retire', phase: 'completed' });
    expect((await world.view()).credential).toMatchObject({ status: 'retired', currentGeneration: 0 });
    expect(world.issuer.liveKeys().map(({ keyId }) => keyId)).toEqual(['key-2']);
    await expectSoundAudit(world);
  }

  test('where Begin finds no room retires', async () => {
    const world = await aWorldWithKey({ capabilities: { maxLiveKeys: 2 } });
    world.issuer.addForeignKey();
    world.clock.advance(10);
    const ref = await world.nextRotation();
    const away = world.ports({
      hook: async (call, effect) => {
        if (callName(call) === 'issuer.list') throw new IssuerUnavailable('the issuer is away');
        return effect();
      },
    });
    await expect(begin(away, { ...ref, requestedBy: 'ada' })).rejects.toThrow(IssuerUnavailable);
    await world.redeploy('without it');
    await expect(runWorkflow(world, ref)).resolves.toMatchObject({ entered: ['begin'], outcome: 'blocked' });
    await retiresAllTheSame(world, ref);
  });

  test('where Issue key looks for a lost key retires', async () => {
    const world = await aWorldWithKey({ capabilities: { named: false, exclusive: false } });
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'issueKey' });
    world.issuer.createThenFail();
    await expect(issueKey(world.ports({ timeout: 60 }), ref)).rejects.toThrow(IssuerUnavailable);
    await world.redeploy('without it');
    await expect(runWorkflow(world, ref)).resolves.toMatchObject({ outcome: 'blocked' });
    await retiresAllTheSame(world, ref);
  });

  test('where Abandon looks for a lost key retires', async () => {
    const world = await aWorldWithKey({ capabilities: { named: false, exclusive: false } });
    const ref = await world.nextRotation();
    world.issuer.createThenFail(new IssuerRejected('the answer could not be read'));
    await runWorkflow(world, ref, { until: 'abandon' });
    await world.redeploy('without it');
    await useCases.abandon(world.ports({ timeout: 60 }), ref, { failure: { Error: 'IssuerRejected' } });
    await retiresAllTheSame(world, ref);
  });
});
