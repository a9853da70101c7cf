import { describe, expect, test } from 'vitest';
import { checkDrain, type DrainStep, maxExtensions } from '../../lib/rotation/check-drain.ts';
import type { RotationRef } from '../../lib/rotation/ports.ts';
import { graceFacts } from '../../lib/rotation/rotation.ts';
import { plus } from '../../lib/usage/instant.ts';
import { aDeclaration } from '../support/builders.ts';
import { changeOf } from '../support/commits.ts';
import { callName } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World, type WorldOptions } from '../support/world.ts';
import { aWorldWithKey, canDisable } from './scenarios.ts';

/** A promoted rotation at the end of its minimum grace. */
async function inGrace(options: WorldOptions = {}) {
  const world = await aWorldWithKey(options);
  const oldVersion = (await world.currentVersion()) ?? '';
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'checkDrain', meanwhile: async () => {} });
  return { world, ref, oldVersion, onOld: () => world.report({ holds: [oldVersion] }) };
}

const { policy } = aDeclaration();

const atDeadline = (choice: 'extend' | 'revoke'): WorldOptions => ({
  declaration: { policy: { ...policy, atDeadline: choice } },
});

const factsOf = async (world: World, ref: RotationRef) => graceFacts(await world.rotation(ref));

const asked = (world: World) => world.events.events.filter(({ type }) => type === 'Decision Needed');

const lookAtOf = (step: DrainStep): string => ('lookAt' in step ? step.lookAt : '');

/** Checks until `count` checks were made, each when the one before has asked for it. */
async function checks(
  world: World,
  ref: RotationRef,
  count: number,
  meanwhile: () => Promise<void> = async () => {},
): Promise<readonly DrainStep[]> {
  const steps: DrainStep[] = [];
  while (steps.length < count) {
    const step = await checkDrain(world.ports(), ref);
    steps.push(step);
    if ('lookAt' in step) world.clock.set(step.lookAt);
    if (step.next === 'askOwner') world.clock.advance(86_400);
    await meanwhile();
  }
  return steps;
}

/** Past the deadline and all extensions, with nobody who reports. */
async function untilAsked(world: World, ref: RotationRef): Promise<void> {
  for (let look = 0; look < 40; look += 1) {
    if (world.metrics.includes('RotationOverdue')) return;
    await checks(world, ref, 1);
  }
  throw new Error('nobody was ever asked');
}

test('a first rotation has nothing to drain', async () => {
  const world = await aWorld();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'checkDrain' });
  await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'complete' });
  expect(await world.rotation(ref)).toMatchObject({ phase: 'completing', condemned: null });
});

describe('while a consumer is on the old key', () => {
  test('the rotation waits, notes why, and says when to look again', async () => {
    const { world, ref, onOld } = await inGrace();
    await onOld();
    const now = world.clock.now();
    const step = await checkDrain(world.ports(), ref);
    expect(step.next).toBe('wait');
    expect(lookAtOf(step) > now).toBe(true);
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'grace',
      checks: 1,
      condemned: null,
      expectedBy: plus(lookAtOf(step), 900),
      verdict: { outcome: 'waiting', heldBy: ['billing-agent'] },
    });
  });

  test('a look leaves no audit record', async () => {
    const { world, ref, onOld } = await inGrace();
    await onOld();
    const { length } = await world.ledger.audit(world.credentialId);
    await checkDrain(world.ports(), ref);
    expect(await world.ledger.audit(world.credentialId)).toHaveLength(length);
  });

  test('the old key is never revoked, however long that takes', async () => {
    const { world, ref, onOld } = await inGrace();
    const steps = await checks(world, ref, 60, onOld);
    expect(new Set(steps.map(({ next }) => next))).toEqual(new Set(['wait', 'askOwner']));
    expect(world.issuer.liveKeys()).toHaveLength(2);
  });
});

describe('when every consumer is on the new key', () => {
  test('the old key is condemned, and nothing else leads to Revoke key', async () => {
    const { world, ref } = await inGrace();
    await world.report();
    const now = world.clock.now();
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'revokeKey' });
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'revoking',
      drainedAt: now,
      verdict: { outcome: 'drained' },
      condemned: { generation: 1, keyId: 'key-1', why: 'old', revokedAt: null },
    });
  });

  test('the minimum grace is waited out all the same', async () => {
    const { world, ref } = await inGrace();
    world.clock.set(plus(world.clock.now(), -60));
    await world.report();
    const step = await checkDrain(world.ports(), ref);
    expect(step.next).toBe('wait');
    expect(lookAtOf(step) >= plus((await factsOf(world, ref))?.promotedAt ?? '', 3600)).toBe(true);
  });

  test('and only quiet is missing at the deadline, the deadline moves to where quiet ends', async () => {
    const { world, ref, oldVersion } = await inGrace();
    const { deadline = '' } = (await factsOf(world, ref)) ?? {};
    const newVersion = (await world.currentVersion()) ?? '';
    const lastOldUse = plus(deadline, -100);
    world.clock.set(deadline);
    await world.report({
      holds: [newVersion],
      lastUse: { [oldVersion]: lastOldUse, [newVersion]: plus(deadline, -1) },
    });
    const step = await checkDrain(world.ports(), ref);
    const moved = (await factsOf(world, ref))?.deadline ?? '';
    expect(moved >= plus(lastOldUse, 900) && moved < plus(deadline, 1200)).toBe(true);
    expect(lookAtOf(step)).toBe(moved);
    world.clock.set(moved);
    await world.report({ holds: [newVersion], lastUse: { [newVersion]: moved } });
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'revokeKey' });
  });
});

describe('past the deadline', () => {
  test('the owner is asked at once, with the reason', async () => {
    const { world, ref } = await inGrace();
    await untilAsked(world, ref);
    expect(await factsOf(world, ref)).toMatchObject({ extensions: 0, question: { number: 1 } });
    expect(asked(world)).toMatchObject([
      {
        detail: {
          question: 1,
          owner: { name: 'billing-team' },
          heldBy: ['billing-agent'],
          reason: expect.any(String),
        },
      },
    ]);
  });

  test('with `extend` the grace grows by its maximum, three times, before the owner is asked', async () => {
    const { world, ref } = await inGrace(atDeadline('extend'));
    const { deadline = '' } = (await factsOf(world, ref)) ?? {};
    await untilAsked(world, ref);
    expect(await factsOf(world, ref)).toMatchObject({
      extensions: maxExtensions,
      deadline: plus(deadline, maxExtensions * 14_400),
    });
    const whats = (await world.ledger.audit(world.credentialId)).map(({ what }) => what);
    expect(whats.filter((what) => what === 'graceExtended')).toHaveLength(maxExtensions);
  });

  test('an extension counts from the look, however late that comes', async () => {
    const { world, ref } = await inGrace(atDeadline('extend'));
    const { deadline = '' } = (await factsOf(world, ref)) ?? {};
    world.clock.set(plus(deadline, 36_000));
    await checkDrain(world.ports(), ref);
    expect(await factsOf(world, ref)).toMatchObject({
      extensions: 1,
      deadline: plus(world.clock.now(), 14_400),
    });
  });

  test('with `revoke` the key goes without proof, as its owner has decided in keyturn.yaml', async () => {
    const { world, ref, onOld } = await inGrace(atDeadline('revoke'));
    const { deadline = '' } = (await factsOf(world, ref)) ?? {};
    world.clock.set(deadline);
    await onOld();
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'revokeKey' });
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'revoking',
      drainedAt: null,
      decision: { choice: 'revoke', by: 'policy' },
    });
  });

  test('with `revoke` the key is disabled first where the issuer can', async () => {
    const { world, ref, onOld } = await inGrace({ ...atDeadline('revoke'), ...canDisable });
    const { deadline = '' } = (await factsOf(world, ref)) ?? {};
    world.clock.set(deadline);
    await onOld();
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'disableKey' });
  });

  test('the owner is reminded once a day, under the same number', async () => {
    const { world, ref } = await inGrace();
    world.clock.set((await factsOf(world, ref))?.deadline ?? '');
    await checkDrain(world.ports(), ref);
    world.clock.advance(86_399);
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'askOwner' });
    expect(asked(world)).toHaveLength(1);
    world.clock.advance(1);
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'askOwner' });
    expect(asked(world).map(({ detail }) => detail['question'])).toEqual([1, 1]);
  });

  test('the owner waits beside the tries at a target that lacks the key', async () => {
    const world = await aWorldWithKey({ declaration: { targets: ['vault'] } });
    world.targetOf('vault').fail();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'checkDrain', meanwhile: async () => {} });
    await untilAsked(world, ref);
    const step = await checkDrain(world.ports(), ref);
    expect(step).toMatchObject({ next: 'deployKey', targets: ['vault'] });
  });

  test('the owner is asked once when the step dies before it has noted the verdict', async () => {
    const { world, ref } = await inGrace();
    world.clock.set((await factsOf(world, ref))?.deadline ?? '');
    const noteFails = world.ports({
      hook: async (call, effect) => {
        if (callName(call) === 'ledger.note') throw new Error('the ledger is away');
        return effect();
      },
    });
    await expect(checkDrain(noteFails, ref)).rejects.toThrow('the ledger is away');
    expect(asked(world)).toHaveLength(1);
    world.clock.advance(40);
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'askOwner' });
    expect(asked(world)).toHaveLength(1);
  });

  test('an execution that has looked a thousand times hands over to the next run', async () => {
    const { world, ref } = await inGrace();
    await untilAsked(world, ref);
    const { credential, rotation } = await world.view(ref);
    if (rotation?.phase !== 'grace') throw new Error('the rotation is not in its grace');
    await world.ledger.commit(changeOf(credential, { rotation: { ...rotation, checks: 999 }, run: 1 }));
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'end' });
    expect((await world.rotation(ref)).expectedBy).toBe(world.clock.now());
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'askOwner' });
  });

  test('nothing is revoked for want of reports', async () => {
    const { world, ref } = await inGrace();
    await untilAsked(world, ref);
    for (let day = 0; day < 30; day += 1) {
      world.clock.advance(86_400);
      await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'askOwner' });
    }
    expect(await world.rotation(ref)).toMatchObject({ phase: 'grace', verdict: { outcome: 'overdue' } });
    expect(world.issuer.liveKeys()).toHaveLength(2);
  });

  test('a proof that comes late still counts', async () => {
    const { world, ref } = await inGrace();
    await untilAsked(world, ref);
    await world.report();
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'revokeKey' });
  });
});

describe('at an issuer that can disable', () => {
  test('a drained key is disabled before it is condemned', async () => {
    const { world, ref } = await inGrace(canDisable);
    await world.report();
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'disableKey' });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'disabling', condemned: null });
  });

  test('a key that was missed twice goes to its owner, by whom it was missed', async () => {
    const { world, ref } = await inGrace(canDisable);
    const { credential, rotation } = await world.view(ref);
    if (!rotation) throw new Error('the rotation has not begun');
    const missedTwice = { ...rotation, breakages: 2, brokenBy: ['cron-reports'] };
    await world.ledger.commit(changeOf(credential, { rotation: missedTwice, run: rotation.run }));
    await world.report();
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'askOwner' });
    expect(asked(world)).toMatchObject([
      { detail: { heldBy: ['cron-reports'], reason: expect.stringContaining('2 times it was disabled') } },
    ]);
  });
});

describe('an issuer that says when keys are used', () => {
  const says = { capabilities: { lastUsedLag: 300 } };

  test('holds a key that somebody uses who does not report', async () => {
    const { world, ref } = await inGrace(says);
    await world.report();
    const used = plus(world.clock.now(), -400);
    const issuer = { ...world.issuer, lastUse: async () => ({ lastUsedAt: used, lastDeniedAt: null }) };
    const ports = { ...world.ports(), issuers: { connect: async () => issuer } };
    await expect(checkDrain(ports, ref)).resolves.toMatchObject({ next: 'wait' });
    expect((await factsOf(world, ref))?.verdict).toMatchObject({ lastOldUse: used });
  });

  test('holds a key as long as it cannot be asked, and is named', async () => {
    const { world, ref } = await inGrace(says);
    await world.report();
    world.issuer.failNext('lastUse');
    await expect(checkDrain(world.ports(), ref)).resolves.toMatchObject({ next: 'wait' });
    expect((await factsOf(world, ref))?.verdict?.reason).toContain('the issuer did not answer');
  });
});

test('a second look after the condemnation only repeats where to go', async () => {
  const { world, ref } = await inGrace();
  await world.report();
  await checkDrain(world.ports(), ref);
  const { length } = await world.ledger.audit(world.credentialId);
  await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'revokeKey' });
  expect(await world.ledger.audit(world.credentialId)).toHaveLength(length);
});
