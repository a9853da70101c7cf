/** What a policy's windows hold back, and what they do not. */
import { describe, expect, test } from 'vitest';
import { checkDrain } from '../../lib/rotation/check-drain.ts';
import type { Window } from '../../lib/rotation/credential.ts';
import { promoteKey } from '../../lib/rotation/promote-key.ts';
import { revokeKey } from '../../lib/rotation/revoke-key.ts';
import { startRotation } from '../../lib/rotation/start-rotation.ts';
import { sweepDue } from '../../lib/rotation/sweep-due.ts';
import { verifyKey } from '../../lib/rotation/verify-key.ts';
import { plus } from '../../lib/usage/instant.ts';
import { aDeclaration } from '../support/builders.ts';
import { changeOf } from '../support/commits.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World } from '../support/world.ts';
import { expectEvents, expectOneKey, expectSoundAudit } from './invariants.ts';
import { aWorldToAdopt, aWorldWithKey } from './scenarios.ts';

/** Worlds begin on a Monday at 8, and a day later with a key. */
const saturdays: Window = { days: ['sat'], from: '02:00', to: '04:00', timeZone: 'UTC' };
const opening = '2026-03-07T02:00:00.000Z';
const nextOpening = '2026-03-14T02:00:00.000Z';

const policy = { ...aDeclaration().policy, windows: [saturdays] };
const declaration = { policy };

/** A world with a key, whose next rotation is due, at this time. */
async function dueAt(now: string): Promise<World> {
  const world = await aWorldWithKey({ declaration: { policy: { ...policy, rotateEvery: 86_400 } } });
  world.clock.set(now);
  await world.report();
  return world;
}

describe('outside of its windows', () => {
  test('a rotation that is due is put off until one opens, out of the way of others', async () => {
    const world = await aWorldWithKey({ declaration });
    const { credential } = await world.view();
    await world.ledger.commit(changeOf(credential, { credential: { dueAt: world.clock.now() } }));
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ due: 1, started: 0 });
    expect(world.executions.started).toHaveLength(0);
    expect((await world.view()).credential.dueAt).toBe(opening);
    expect((await world.ledger.audit(world.credentialId)).at(-1)).toMatchObject({
      actor: 'schedule',
      what: 'putOff',
      after: { dueAt: opening },
    });
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ due: 0 });
    world.clock.set(opening);
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ due: 1, started: 1 });
  });

  test('a request is rejected, and told when one opens', async () => {
    const world = await aWorldWithKey({ declaration });
    const { credentialId } = world;
    const ask = () => startRotation(world.ports(), { credentialId, requestedBy: 'ada' });
    expect(await ask()).toEqual({
      outcome: 'rejected',
      reason: `credential "billing-agent" may change in its window only, which opens at ${opening}`,
    });
    expect(world.executions.started).toHaveLength(0);
    world.clock.set(opening);
    expect(await ask()).toMatchObject({ outcome: 'started' });
  });

  test('a first key is made and promoted: it changes nothing for anybody', async () => {
    const world = await aWorld({ declaration });
    const begun = world.clock.now();
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ started: 1 });
    const ref = await world.nextRotation();
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
    expect(world.clock.now() < plus(begun, 60)).toBe(true);
  });

  test('a key is adopted', async () => {
    const world = await aWorldToAdopt({ declaration });
    const begun = world.clock.now();
    await runWorkflow(world, await world.nextRotation());
    await expectOneKey(world);
    expect(world.clock.now() < plus(begun, 60)).toBe(true);
  });

  test('the date that a rotation sets for the next one is in a window', async () => {
    const world = await aWorldWithKey({ declaration });
    const { dueAt: date } = (await world.view()).credential;
    expect(new Date(date ?? '').toUTCString()).toMatch(/^Sat, .* 02:00:00 GMT$/);
  });
});

describe('a promotion', () => {
  /** A rotation that began in a window and whose new key is verified after it has closed. */
  async function late() {
    const world = await dueAt('2026-03-07T03:59:58.000Z');
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'promoteKey' });
    expect(world.clock.now() >= '2026-03-07T04:00:00.000Z').toBe(true);
    return { world, ref };
  }

  test('waits for the next window, and is not presumed dead until then', async () => {
    const { world, ref } = await late();
    const before = await world.currentVersion();
    const { length } = await world.ledger.audit(world.credentialId);
    await expect(promoteKey(world.ports(), ref)).resolves.toEqual({ next: 'wait', lookAt: nextOpening });
    const rotation = await world.rotation(ref);
    expect(rotation).toMatchObject({ phase: 'verified', lease: null });
    expect(rotation.expectedBy > nextOpening).toBe(true);
    expect(await world.currentVersion()).toBe(before);
    expect(await world.ledger.audit(world.credentialId)).toHaveLength(length);
  });

  test('happens when the window opens and its key, which has waited, is verified again', async () => {
    const { world, ref } = await late();
    const { lastProbedAt } = (await world.keys()).at(-1) ?? {};
    const run = await runWorkflow(world, ref, { until: 'checkDrain', meanwhile: async () => {} });
    expect(run.entered).toEqual(['begin', 'promoteKey', 'verifyKey', 'promoteKey']);
    const { lastProbedAt: probedAgainAt } = (await world.keys()).at(-1) ?? {};
    expect([lastProbedAt, probedAgainAt].map((at) => (at ?? '') >= nextOpening)).toEqual([false, true]);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'grace', promotedAt: probedAgainAt });
  });

  test('of a key that died while it waited is given up: consumers keep the old one', async () => {
    const { world, ref } = await late();
    const before = await world.currentVersion();
    await world.issuer.revoke('key-2');
    const run = await runWorkflow(world, ref);
    expect(run.entered.slice(0, 4)).toEqual(['begin', 'promoteKey', 'verifyKey', 'abandon']);
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'abandoned',
      reason: expect.stringMatching(/^KeyRefused: issuer openai does not accept key key-2/),
    });
    expect(await world.currentVersion()).toBe(before);
    await expectOneKey(world);
    await expectSoundAudit(world);
    await expectEvents(world, ref, ['Rotation Started', 'Rotation Abandoned']);
  });

  test('waits for the window after the next when that one closes while the key is verified again', async () => {
    const { world, ref } = await late();
    world.clock.set('2026-03-14T03:59:58.000Z');
    await expect(promoteKey(world.ports(), ref)).resolves.toEqual({ next: 'verifyKey' });
    await verifyKey(world.ports({ timeout: 900 }), ref);
    await expect(promoteKey(world.ports(), ref)).resolves.toEqual({
      next: 'wait',
      lookAt: '2026-03-21T02:00:00.000Z',
    });
  });

  test('that waits is abandoned when the credential is removed meanwhile', async () => {
    const { world, ref } = await late();
    await promoteKey(world.ports(), ref);
    await world.redeploy('without it');
    world.clock.set(nextOpening);
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'abandoned',
      reason: expect.stringMatching(/^CredentialRemoved/),
    });
    expect((await world.keys()).map(({ status }) => status)).toEqual(['current', 'dead']);
  });

  test('that has begun is finished, whatever the hour', async () => {
    const world = await dueAt('2026-03-07T03:00:00.000Z');
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'promoteKey' });
    const away = world.ports({
      hook: async ({ method }, effect) => {
        if (method === 'moveCurrent') throw new Error('the store is away');
        return effect();
      },
    });
    await expect(promoteKey(away, ref)).rejects.toThrow('the store is away');
    world.clock.set('2026-03-07T05:00:00.000Z');
    await expect(promoteKey(world.ports(), ref)).resolves.toMatchObject({ next: 'grace' });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'grace' });
  });
});

describe('a revoke', () => {
  /** A rotation that was promoted in a window, at a look after the window has closed. */
  async function drainedLate() {
    const world = await dueAt('2026-03-07T03:30:00.000Z');
    const oldVersion = (await world.currentVersion()) ?? '';
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'checkDrain', meanwhile: async () => {} });
    expect(world.clock.now() > '2026-03-07T04:00:00.000Z').toBe(true);
    await world.report();
    return { world, ref, oldVersion };
  }

  test('of a drained key waits for the next window', async () => {
    const { world, ref } = await drainedLate();
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'wait', lookAt: nextOpening });
    const rotation = await world.rotation(ref);
    expect(rotation).toMatchObject({
      phase: 'grace',
      condemned: null,
      verdict: { outcome: 'waiting', reason: expect.stringContaining(`its window opens at ${nextOpening}`) },
    });
    expect(rotation.expectedBy > nextOpening).toBe(true);
    expect(world.issuer.liveKeys()).toHaveLength(2);
  });

  test('happens when the window opens, on a proof that is made anew', async () => {
    const { world, ref } = await drainedLate();
    await checkDrain(world.ports(), ref);
    world.clock.set(nextOpening);
    await world.report();
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'revokeKey' });
    expect(await world.rotation(ref)).toMatchObject({ drainedAt: nextOpening });
    await runWorkflow(world, ref);
    await expectOneKey(world);
    await expectSoundAudit(world);
  });

  test('does not happen when a consumer has come back to the old key meanwhile', async () => {
    const { world, ref, oldVersion } = await drainedLate();
    await checkDrain(world.ports(), ref);
    world.clock.set(nextOpening);
    await world.report({ holds: [oldVersion] });
    await expect(checkDrain(world.ports(), ref)).resolves.toMatchObject({ next: 'askOwner' });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'grace', condemned: null });
    expect(world.issuer.liveKeys()).toHaveLength(2);
  });

  test('that waits for its window asks the owner nothing, however long past the deadline', async () => {
    const { world, ref } = await drainedLate();
    for (let look = 0; look < 5; look += 1) {
      const { lookAt } = { lookAt: '', ...(await checkDrain(world.ports(), ref)) };
      expect(lookAt).toBe(nextOpening);
      world.clock.advance(86_400);
      await world.report();
    }
    expect(world.events.events.map(({ type }) => type)).not.toContain('Decision Needed');
    expect(await world.rotation(ref)).toMatchObject({ extensions: 0 });
  });

  test('that was condemned in a window is carried out, whatever the hour', async () => {
    const { world, ref } = await drainedLate();
    world.clock.set('2026-03-14T03:59:59.000Z');
    await world.report();
    await checkDrain(world.ports(), ref);
    world.clock.set('2026-03-14T04:59:59.000Z');
    const run = await runWorkflow(world, ref);
    expect(run.entered).toEqual(['begin', 'revokeKey', 'proveDead', 'complete']);
    await expectOneKey(world);
  });

  test('whose proof has grown old outside of the window waits for the next one', async () => {
    const { world, ref } = await drainedLate();
    world.clock.set('2026-03-14T03:59:59.000Z');
    await world.report();
    await checkDrain(world.ports(), ref);
    world.clock.set('2026-03-15T04:00:00.000Z');
    await world.report();
    await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ next: 'checkDrain' });
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({
      next: 'wait',
      lookAt: '2026-03-21T02:00:00.000Z',
    });
    expect(world.issuer.liveKeys()).toHaveLength(2);
  });
});
