import { describe, expect, test } from 'vitest';
import { checkDrain } from '../../lib/rotation/check-drain.ts';
import { deployKey } from '../../lib/rotation/deploy-key.ts';
import { InvalidInput, TargetRejected, TargetUnavailable } from '../../lib/rotation/errors.ts';
import { promoteKey } from '../../lib/rotation/promote-key.ts';
import { graceFacts } from '../../lib/rotation/rotation.ts';
import { plus } from '../../lib/usage/instant.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World } from '../support/world.ts';
import { expectEvents, expectOneKey, expectSoundAudit, watchOver } from './invariants.ts';
import { aWorldToAdopt, aWorldWithKey } from './scenarios.ts';

/** A rotation that has just been promoted, whose targets hold the old key. */
async function promoted(targets: readonly string[] = ['vault']) {
  const world = await aWorldWithKey({ declaration: { targets } });
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'promoteKey' });
  const step = await promoteKey(world.ports(), ref);
  return {
    world,
    ref,
    step,
    deploy: (target = 'vault') => deployKey(world.ports({ timeout: 60 }), { ...ref, target }),
    look: () => checkDrain(world.ports(), ref),
    factsOf: async (target = 'vault') => graceFacts(await world.rotation(ref))?.deployments[target],
    toldOf: () => world.events.events.filter(({ type }) => type === 'Target Failing'),
  };
}

/** Whether the target holds what consumers read. */
async function hasNewKey(world: World, target = 'vault'): Promise<boolean> {
  const secret = await world.currentSecret();
  return secret !== undefined && world.targetOf(target).held()?.reveal() === secret.reveal();
}

/** A consumer has long been on the new key: nothing but targets can hold the old one. */
async function consumersMoveOn(world: World): Promise<void> {
  world.clock.advance(7200);
  await world.report();
}

describe('a target', () => {
  test('is to be served when the key is promoted', async () => {
    const { world, step } = await promoted(['vault', 'restart']);
    expect(step).toEqual({
      next: 'deployKey',
      targets: ['vault', 'restart'],
      lookAt: plus(world.clock.now(), 3600),
    });
  });

  test('gets the key that consumers read, and what it needs to know of it', async () => {
    const { world, ref, deploy, factsOf } = await promoted();
    const at = world.clock.now();
    await expect(deploy()).resolves.toEqual({ target: 'vault' });
    expect(await hasNewKey(world)).toBe(true);
    expect(world.targetOf('vault').deployments.at(-1)).toEqual({
      credentialId: world.credentialId,
      rotationId: ref.rotationId,
      generation: 2,
      keyId: 'key-2',
      secretName: world.secretName,
      versionId: await world.currentVersion(),
    });
    expect(await factsOf()).toEqual({ done: true, at, failures: 0, reason: null, told: false });
    await expectSoundAudit(world);
  });

  test('gets it once, however often the step runs', async () => {
    const { world, deploy } = await promoted();
    const { length } = world.targetOf('vault').deployments;
    await deploy();
    const rows = world.ledger.rows();
    await deploy();
    expect(world.targetOf('vault').deployments).toHaveLength(length + 1);
    expect(world.ledger.rows()).toEqual(rows);
  });

  test('that took it without an answer gets it again, and has it', async () => {
    const { world, deploy, factsOf } = await promoted();
    world.targetOf('vault').fail('afterwards');
    await expect(deploy()).rejects.toThrow(TargetUnavailable);
    expect(await factsOf()).toMatchObject({ done: false, failures: 1 });
    world.targetOf('vault').fail(false);
    await deploy();
    expect(await hasNewKey(world)).toBe(true);
    expect(await factsOf()).toMatchObject({ done: true, failures: 0, reason: null });
  });

  test('that keyturn.yaml does not declare gets nothing', async () => {
    const { world, deploy } = await promoted();
    await deploy('elsewhere');
    expect(world.targetOf('elsewhere').deployments).toEqual([]);
  });

  test('does not change when the workflow is expected to wake', async () => {
    const { world, ref, deploy } = await promoted();
    const { expectedBy } = await world.rotation(ref);
    world.clock.advance(300);
    await deploy();
    expect((await world.rotation(ref)).expectedBy).toBe(expectedBy);
  });

  test('that fails leaves the rotation expected later than its next try', async () => {
    const { world, ref, deploy } = await promoted();
    world.targetOf('vault').fail();
    world.clock.advance(7200);
    await expect(deploy()).rejects.toThrow(TargetUnavailable);
    expect((await world.rotation(ref)).expectedBy >= plus(world.clock.now(), 900)).toBe(true);
  });
});

describe('a target that fails', () => {
  test('is written down with what it said, and told at the third time in a row, once', async () => {
    const { world, deploy, factsOf, toldOf } = await promoted();
    world.targetOf('vault').fail();
    const told: number[] = [];
    for (let time = 0; time < 5; time += 1) {
      await expect(deploy()).rejects.toThrow(TargetUnavailable);
      told.push(toldOf().length);
    }
    expect(told).toEqual([0, 0, 1, 1, 1]);
    expect(await factsOf()).toMatchObject({
      done: false,
      failures: 5,
      reason: 'the target does not answer',
      told: true,
    });
    expect(toldOf()).toMatchObject([
      {
        detail: {
          target: 'vault',
          reason: 'the target does not answer',
          owner: { name: 'billing-team', notify: 'billing@example.com' },
        },
      },
    ]);
    expect(world.metrics.filter((name) => name === 'TargetFailing')).toHaveLength(1);
  });

  test('for good is told at the first time, once', async () => {
    const { world, deploy, toldOf } = await promoted();
    world.targetOf('vault').fail('for good');
    for (let time = 0; time < 4; time += 1) await expect(deploy()).rejects.toThrow(TargetRejected);
    expect(toldOf()).toMatchObject([{ detail: { reason: 'the target wants no keys' } }]);
  });

  test('is no longer asked once it has the key, so there is nothing more to tell', async () => {
    const { world, deploy, toldOf } = await promoted();
    world.targetOf('vault').fail('for good');
    await expect(deploy()).rejects.toThrow(TargetRejected);
    world.targetOf('vault').fail(false);
    await deploy();
    world.targetOf('vault').fail('for good');
    await expect(deploy()).resolves.toEqual({ target: 'vault' });
    expect(toldOf()).toHaveLength(1);
  });

  test('holds the old key by name: it is not condemned, whatever consumers say', async () => {
    const { world, ref, look } = await promoted();
    await consumersMoveOn(world);
    const now = world.clock.now();
    const step = await look();
    expect(step).toMatchObject({ next: 'deployKey', targets: ['vault'] });
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'grace',
      condemned: null,
      verdict: {
        outcome: 'waiting',
        heldBy: ['target vault'],
        reason: expect.stringContaining('target vault does not have'),
      },
    });
    const { lookAt } = { lookAt: '', ...step };
    expect((await world.rotation(ref)).expectedBy).toBe(plus(lookAt, 900 + 7200));
    expect(lookAt > now && lookAt <= plus(now, 12 * 3600)).toBe(true);
  });

  test('keeps the old key alive for weeks, is tried twice a day at least, and its owner is asked', async () => {
    const { world, ref, look } = await promoted();
    world.targetOf('vault').fail();
    const waits: number[] = [];
    for (const end = plus(world.clock.now(), 14 * 86_400); world.clock.now() < end; ) {
      await consumersMoveOn(world);
      const begun = world.clock.now();
      const { next, lookAt } = { lookAt: '', ...(await look()) };
      expect(next).toBe('deployKey');
      waits.push((Date.parse(lookAt) - Date.parse(begun)) / 3_600_000);
      world.clock.set(lookAt);
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(12);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'grace', verdict: { outcome: 'overdue' } });
    expect(world.issuer.liveKeys()).toHaveLength(2);
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Decision Needed',
      detail: { heldBy: ['target vault'] },
    });
  });

  test('and is healed lets the rotation go on to its end', async () => {
    const { world, ref } = await promoted();
    world.targetOf('vault').fail();
    const watch = watchOver(world);
    let waits = 0;
    const run = await runWorkflow(world, ref, {
      hookOf: () => watch.hook((_call, effect) => effect()),
      meanwhile: async () => {
        waits += 1;
        if (waits === 3) world.targetOf('vault').fail(false);
        await world.report();
      },
    });
    expect(run.outcome).toBe('ended');
    expect(run.entered.filter((step) => step === 'deployKey').length).toBeGreaterThan(2);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
    await expectOneKey(world);
    expect(watch.momentsWithoutKey()).toEqual([]);
    await expectEvents(world, ref, [
      'Rotation Started',
      'Key Promoted',
      'Target Failing',
      'Rotation Completed',
    ]);
  });

  test('holds up no other: of two the one that works has the key', async () => {
    const { world, ref, deploy, look } = await promoted(['vault', 'restart']);
    world.targetOf('vault').fail();
    await expect(deploy('vault')).rejects.toThrow(TargetUnavailable);
    await deploy('restart');
    expect([await hasNewKey(world, 'vault'), await hasNewKey(world, 'restart')]).toEqual([false, true]);
    await consumersMoveOn(world);
    expect(await look()).toMatchObject({ next: 'deployKey', targets: ['vault'] });
    expect(await world.rotation(ref)).toMatchObject({ verdict: { heldBy: ['target vault'] } });
  });

  test('keeps a first rotation open until it has the key, though nobody waits for an old one', async () => {
    const world = await aWorld({ declaration: { targets: ['vault'] } });
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'promoteKey' });
    await promoteKey(world.ports(), ref);
    const now = world.clock.now();
    const step = await checkDrain(world.ports(), ref);
    expect(step).toEqual({ next: 'deployKey', targets: ['vault'], lookAt: plus(now, 12 * 3600) });
    const rotation = await world.rotation(ref);
    expect(rotation.phase).toBe('grace');
    expect(rotation.expectedBy > plus(now, 12 * 3600)).toBe(true);
    await deployKey(world.ports(), { ...ref, target: 'vault' });
    await expect(checkDrain(world.ports(), ref)).resolves.toEqual({ next: 'complete' });
    expect(await hasNewKey(world)).toBe(true);
  });
});

test('a target whose block is missing is told to the owner at once: no other try mends that', async () => {
  const { world, ref, toldOf, factsOf } = await promoted();
  const connect = async () => {
    throw new InvalidInput('there is no target block "vault"');
  };
  const ports = { ...world.ports(), targets: { connect } };
  await expect(deployKey(ports, { ...ref, target: 'vault' })).rejects.toThrow(InvalidInput);
  expect(toldOf()).toMatchObject([{ detail: { target: 'vault', owner: { name: 'billing-team' } } }]);
  expect(await factsOf()).toMatchObject({ done: false, failures: 1, told: true });
});

describe('in the middle of a grace', () => {
  test('a target that is added to the declaration gets the new key, and holds the old one until then', async () => {
    const { world, ref, deploy, look } = await promoted();
    await deploy();
    await world.redeploy({ targets: ['vault', 'restart'] });
    await consumersMoveOn(world);
    expect(await look()).toMatchObject({ next: 'deployKey', targets: ['restart'] });
    await runWorkflow(world, ref);
    expect(await hasNewKey(world, 'restart')).toBe(true);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
  });

  test('a target that is removed from the declaration holds nothing any more', async () => {
    const { world, look, deploy } = await promoted();
    world.targetOf('vault').fail();
    await expect(deploy()).rejects.toThrow(TargetUnavailable);
    await world.redeploy({ targets: [] });
    await consumersMoveOn(world);
    await expect(look()).resolves.toEqual({ next: 'revokeKey' });
  });

  test('a fresh execution that takes over serves what the dead one has left behind', async () => {
    const { world, ref } = await promoted();
    const run = await runWorkflow(world, { ...ref, run: 2 });
    expect(run.entered.slice(0, 3)).toEqual(['begin', 'checkDrain', 'deployKey']);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed', run: 2 });
    await expectOneKey(world);
  });
});

test('an adoption gives targets nothing: they hold the key already, or wait for the next', async () => {
  const world = await aWorldToAdopt({ declaration: { targets: ['vault'] } });
  const run = await runWorkflow(world, await world.nextRotation());
  expect(run.entered).not.toContain('deployKey');
  expect(world.targetOf('vault').deployments).toEqual([]);
});
