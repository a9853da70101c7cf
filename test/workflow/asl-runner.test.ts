/** The synthesized rotation workflow on twins: what its definition says, not what a test says it does. */

import { describe, expect, it } from 'vitest';
import type { Grace } from '../../lib/rotation/credential.ts';
import type { RotationRef } from '../../lib/rotation/ports.ts';
import { type GraceFacts, graceFacts, type OutgoingEvent } from '../../lib/rotation/rotation.ts';
import { type Instant, plus, secondsBetween } from '../../lib/usage/instant.ts';
import { expectEvents, expectOneKey, expectSoundAudit } from '../rotation/invariants.ts';
import type { Invocation } from '../support/asl/invoke.ts';
import { runOnTwins } from '../support/asl/on-twins.ts';
import type { Execution } from '../support/asl/run-machine.ts';
import { synthesizedMachine } from '../support/asl/synthesized.ts';
import { timelineOn } from '../support/asl/timeline.ts';
import { aDeclaration } from '../support/builders.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import { callName, type PortCall } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World, type WorldOptions } from '../support/world.ts';

const machine = synthesizedMachine();

const day = 86_400;

async function aWorldWithKey(options: WorldOptions = {}): Promise<World> {
  const world = await aWorld(options);
  await runOnTwins(machine, world, await world.nextRotation());
  await world.report();
  world.clock.advance(86_400);
  await world.report();
  return world;
}

async function expectSound(
  world: World,
  ref: RotationRef,
  execution: Execution,
  events: readonly OutgoingEvent[],
): Promise<void> {
  await expectOneKey(world);
  await expectSoundAudit(world);
  await expectEvents(world, ref, events);
  expectNoSecret(world.ledger.rows(), world.events.events, execution);
}

const completed = ['Rotation Started', 'Key Promoted', 'Rotation Completed'] as const;

describe('the synthesized state machine', () => {
  it('issues a first key', async () => {
    const world = await aWorld();
    const ref = await world.nextRotation();
    const execution = await runOnTwins(machine, world, ref);
    expect(execution).toMatchObject({ status: 'SUCCEEDED', output: { status: 'completed' } });
    await expectSound(world, ref, execution, completed);
  });

  it('puts a new key in the old one’s place', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    const execution = await runOnTwins(machine, world, ref);
    expect(execution).toMatchObject({ status: 'SUCCEEDED', output: { status: 'completed' } });
    expect((await world.keys()).map(({ status }) => status)).toEqual(['dead', 'current']);
    await expectSound(world, ref, execution, completed);
  });

  it('waits out the grace on its clock', async () => {
    const world = await aWorldWithKey();
    const { policy } = (await world.view()).credential.declaration;
    const { startedAt, endedAt } = await runOnTwins(machine, world, await world.nextRotation());
    const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
    expect(seconds).toBeGreaterThan(policy.grace.min);
    expect(seconds).toBeLessThan(policy.grace.max);
  });

  it('abandons a rotation whose new key is refused, and leaves the old one in use', async () => {
    const world = await aWorldWithKey();
    const known = world.issuer.keys().map(({ secret }) => secret.reveal());
    world.issuer.distortProbes((answer, secret) => (known.includes(secret.reveal()) ? answer : 'dead'));
    const ref = await world.nextRotation();
    const execution = await runOnTwins(machine, world, ref);
    expect(execution.status).toBe('SUCCEEDED');
    expect((await world.rotation(ref)).phase).toBe('abandoned');
    expect((await world.keys()).map(({ status }) => status)).toEqual(['current', 'dead']);
    await expectSound(world, ref, execution, ['Rotation Started', 'Rotation Abandoned']);
  });

  it('revokes a key whose value is lost and issues another', async () => {
    const world = await aWorldWithKey();
    world.issuer.createThenFail();
    const ref = await world.nextRotation();
    const execution = await runOnTwins(machine, world, ref);
    expect(execution.output).toMatchObject({ status: 'completed' });
    expect((await world.keys()).map(({ status }) => status)).toEqual(['dead', 'dead', 'current']);
    await expectSound(world, ref, execution, completed);
  });

  it('goes the route of an orphan by way of its Catch lists', async () => {
    const world = await aWorldWithKey();
    world.issuer.createThenFail();
    const { entered } = await runOnTwins(machine, world, await world.nextRotation());
    const orphaned = entered.indexOf('Issue key');
    expect(entered.slice(orphaned, orphaned + 3)).toEqual(['Issue key', 'Revoke key', 'Prove dead']);
  });

  it('ends failed when the issuer lists a key that nobody can place', async () => {
    const world = await aWorldWithKey({ capabilities: { named: false, exclusive: false } });
    world.issuer.createThenFail();
    const execution = await runOnTwins(machine, world, await world.nextRotation());
    expect(execution).toMatchObject({ status: 'FAILED', error: 'UnknownKeyFound' });
    expect((await world.view()).credential.status).toBe('blocked');
  });

  it('ends without effect when another run has taken over', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    const takenOver = { ...ref, run: 2 };
    await runOnTwins(machine, world, takenOver);
    const rows = world.ledger.rows();
    const execution = await runOnTwins(machine, world, ref);
    expect(execution.status).toBe('SUCCEEDED');
    expect(execution.entered).toEqual(['Begin', 'Ended without effect']);
    expect(world.ledger.rows()).toEqual(rows);
  });

  it('outlives an issuer that does not revoke for two days', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    const healsAt = plus(world.clock.now(), 2 * day);
    const timeline = timelineOn(world.clock);
    timeline.begin(async () => {
      // Its consumer is there all the time, and on the new key from the first look on.
      while (world.clock.now() < healsAt) {
        await timeline.sleep(120);
        await world.report();
      }
    });
    const hookOf = () => async (call: PortCall, effect: () => Promise<unknown>) => {
      if (callName(call) === 'issuer.revoke' && world.clock.now() < healsAt)
        throw new Error('the issuer is out');
      return effect();
    };
    const execution = await runOnTwins(machine, world, ref, { hookOf, timeline });
    expect(execution.output).toMatchObject({ status: 'completed' });
    expect(secondsBetween(healsAt, execution.endedAt)).toBeLessThan(3700);
    expect(execution.entered.filter((name) => name === 'Check drain').length).toBeGreaterThan(1);
    await expectSound(world, ref, execution, completed);
  });

  it('verifies a key again that has waited for its window, and then promotes it', async () => {
    const { world, ref } = await aRotationThatMissesItsWindow();
    const execution = await runOnTwins(machine, world, ref);
    const waited = execution.entered.indexOf('Wait for window');
    expect(execution.entered.slice(waited, waited + 4)).toEqual([
      'Wait for window',
      'Verify key',
      'Promote key',
      'Promoted?',
    ]);
    expect(execution.output).toMatchObject({ status: 'completed' });
    await expectSound(world, ref, execution, completed);
  });

  it('abandons a rotation whose new key has died while it waited, and leaves the old one in use', async () => {
    const { world, ref } = await aRotationThatMissesItsWindow();
    const timeline = timelineOn(world.clock);
    timeline.begin(async () => {
      await timeline.sleep(day);
      await world.issuer.revoke('key-2');
    });
    const execution = await runOnTwins(machine, world, ref, { timeline });
    expect(execution.entered).toContain('Abandon');
    expect((await world.rotation(ref)).phase).toBe('abandoned');
    expect((await world.keys()).map(({ status }) => status)).toEqual(['current', 'dead']);
    await expectSound(world, ref, execution, ['Rotation Started', 'Rotation Abandoned']);
  });

  it('verifies a key again that a dead run has left verified', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'promoteKey' });
    world.clock.advance(901);
    const execution = await runOnTwins(machine, world, { ...ref, run: 2 });
    expect(execution.entered.slice(0, 6)).toEqual([
      'Begin',
      'Where to?',
      'Promote key',
      'Promoted?',
      'Verify key',
      'Promote key',
    ]);
    await expectSound(world, ref, execution, completed);
  });

  it('keeps the last key of a credential that is declared again before the issuer could be asked', async () => {
    const world = await aWorldWithKey();
    await world.redeploy('without it');
    const ref = await world.nextRotation();
    let isDeclared = false;
    const hookOf =
      ({ step }: Invocation) =>
      async (call: PortCall, effect: () => Promise<unknown>) => {
        if (isDeclared || step !== 'revokeKey' || callName(call) !== 'ledger.note') return effect();
        isDeclared = true;
        await world.redeploy({});
        throw new Error('the ledger is away');
      };
    const execution = await runOnTwins(machine, world, ref, {
      hookOf,
      afterWait: async ({ report, clock }) => report({ holds: [], leftAt: clock.now() }),
    });
    expect(execution).toMatchObject({ status: 'SUCCEEDED' });
    expect(execution.entered.slice(-3)).toEqual(['Prove dead', 'Whose proof?', 'Ended without effect']);
    await expectSound(world, ref, execution, ['Rotation Started', 'Rotation Abandoned']);
  });
});

/** A rotation that begins in its window's last seconds, of which verifying its key takes more. */
async function aRotationThatMissesItsWindow() {
  const window = { days: ['sat'], from: '02:00', to: '04:00', timeZone: 'UTC' } as const;
  const { policy } = aDeclaration();
  const world = await aWorldWithKey({ declaration: { policy: { ...policy, windows: [window] } } });
  world.clock.set('2026-03-07T03:59:58.000Z');
  await world.report();
  return { world, ref: await world.nextRotation() };
}

/** A rotation with one target, at an issuer that can disable, whose consumer moves to the new key at a look, and not before. */
async function rotationWith(grace: Grace, hasMoved: (facts: GraceFacts, now: Instant) => boolean) {
  const { policy } = aDeclaration();
  const declaration = { policy: { ...policy, grace }, targets: ['copy'] };
  const world = await aWorldWithKey({ declaration, capabilities: { disable: true } });
  const ref = await world.nextRotation();
  const old = await world.currentVersion();
  const execution = await runOnTwins(machine, world, ref, {
    afterWait: async () => {
      const facts = graceFacts(await world.rotation(ref));
      const moved = facts && hasMoved(facts, world.clock.now());
      await world.report(moved || !old ? {} : { holds: [old] });
    },
  });
  await expectOneKey(world);
  return { ...execution, checks: graceFacts(await world.rotation(ref))?.checks };
}

describe('the bill of the state machine', () => {
  const hour = 3600;

  it('is 25 transitions at most for a rotation with two looks', async () => {
    const grace = { min: hour, max: 4 * hour, quiet: 900 };
    const { transitions, checks, entered } = await rotationWith(grace, (facts) => facts.checks > 0);
    expect(checks).toBe(2);
    expect(entered).toContain('Check breakage');
    expect(transitions).toBeLessThanOrEqual(25);
  });

  it('is 90 transitions and 300 events at most for the longest grace that there is', async () => {
    const grace = { min: hour, max: 30 * 24 * hour, quiet: 900 };
    const { transitions, events, checks } = await rotationWith(grace, ({ deadline }, now) => now >= deadline);
    expect(checks).toBeLessThanOrEqual(24);
    expect(transitions).toBeLessThanOrEqual(90);
    expect(events.length).toBeLessThanOrEqual(300);
  });
});
