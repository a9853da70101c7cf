import { describe, expect, test } from 'vitest';
import { decide } from '../../lib/rotation/decide.ts';
import { IssuerUnavailable, SecretChangedOutside } from '../../lib/rotation/errors.ts';
import { rollBack } from '../../lib/rotation/roll-back.ts';
import { graceFacts } from '../../lib/rotation/rotation.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { plus } from '../../lib/usage/instant.ts';
import { callName } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import type { World, WorldOptions } from '../support/world.ts';
import { aWorldWithKey, versionByHand } from './scenarios.ts';

/** A rotation in its grace whose owner wants the old key back. */
async function decidedToRollBack(options: WorldOptions = {}) {
  const world = await aWorldWithKey(options);
  const oldVersion = (await world.currentVersion()) ?? '';
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'checkDrain', meanwhile: async () => {} });
  const newVersion = (await world.currentVersion()) ?? '';
  await decide(world.ports(), { credentialId: world.credentialId, choice: 'roll-back', by: 'ada' });
  return { world, ref, oldVersion, newVersion };
}

/** Time that the probes of a step need, too. */
const ports = (world: World) => world.ports({ timeout: 900 });

describe('a roll back', () => {
  test('gives consumers the old key again and lets the new one leave', async () => {
    const { world, ref, oldVersion, newVersion } = await decidedToRollBack();
    const { lookAt } = (await rollBack(ports(world), ref)) as { lookAt: string };
    expect(await world.currentVersion()).toBe(oldVersion);
    const { credential, rotation, keys } = await world.view(ref);
    expect(credential).toMatchObject({ currentGeneration: 1, currentVersionId: oldVersion });
    expect(rotation).toMatchObject({ phase: 'grace', leaving: 'new', deployments: {} });
    expect(keys.map(({ versionId, status }) => [versionId, status])).toEqual([
      [oldVersion, 'current'],
      [newVersion, 'superseded'],
    ]);
    expect(lookAt).toBe(plus(graceFacts(await world.rotation(ref))?.promotedAt ?? '', 3600));
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Key Promoted',
      detail: { versionId: oldVersion, rolledBack: true },
    });
  });

  test('brings the old key to every target', async () => {
    const { world, ref } = await decidedToRollBack({ declaration: { targets: ['vault'] } });
    const { entered } = await runWorkflow(world, ref, { until: 'checkDrain' });
    expect(entered).toEqual(['begin', 'rollBack', 'deployKey']);
    const held = world.targetOf('vault').held()?.reveal();
    expect(held).toBe((await world.currentSecret())?.reveal());
    expect(world.targetOf('vault').deployments.at(-1)).toMatchObject({ generation: 1 });
  });

  test('holds the new key as long as somebody is on it', async () => {
    const { world, ref, newVersion } = await decidedToRollBack();
    const meanwhile = () => world.report({ holds: [newVersion] });
    await runWorkflow(world, ref, { meanwhile, until: 'askOwner' });
    expect(world.issuer.liveKeys()).toHaveLength(2);
    expect(graceFacts(await world.rotation(ref))?.verdict).toMatchObject({
      heldBy: ['billing-agent'],
      consumers: [{ consumer: 'billing-agent', state: 'on new' }],
    });
  });

  test('ends with the old key alone, and the next rotation is one of its own', async () => {
    const { world, ref, oldVersion } = await decidedToRollBack();
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Rotation Completed',
      detail: { rolledBack: true, oldKeyId: 'key-2', decision: { choice: 'roll-back', by: 'ada' } },
    });
    expect(world.issuer.liveKeys().map(({ keyId }) => keyId)).toEqual(['key-1']);
    expect(await world.currentVersion()).toBe(oldVersion);
    const next = await world.nextRotation();
    await world.report();
    await runWorkflow(world, next);
    expect(await world.rotation(next)).toMatchObject({ phase: 'completed', oldGeneration: 1, generation: 3 });
    expect(world.issuer.liveKeys().map(({ keyId }) => keyId)).toEqual(['key-3']);
  });

  test('looks before it moves, so a second run changes nothing more', async () => {
    const { world, ref, oldVersion } = await decidedToRollBack();
    const dies = ports(world);
    const failing = world.ports({
      timeout: 900,
      hook: async (call, effect) => {
        if (callName(call) === 'ledger.commit') throw new Error('the ledger is away');
        return effect();
      },
    });
    await expect(rollBack(failing, ref)).rejects.toThrow('the ledger is away');
    expect(await world.currentVersion()).toBe(oldVersion);
    await rollBack(dies, ref);
    await expect(rollBack(ports(world), ref)).resolves.toMatchObject({ next: 'grace' });
    const promoted = (await world.ledger.audit(world.credentialId)).filter(
      ({ what }) => what === 'rolledBack',
    );
    expect(promoted).toHaveLength(1);
  });
});

describe('a roll back is refused', () => {
  test('when the issuer does not accept the old key any more, and the owner is asked again', async () => {
    const { world, ref, newVersion } = await decidedToRollBack();
    await world.issuer.revoke('key-1');
    world.clock.advance(60);
    await expect(rollBack(ports(world), ref)).resolves.toMatchObject({ next: 'grace' });
    expect(await world.currentVersion()).toBe(newVersion);
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'grace',
      leaving: 'old',
      refusal: expect.stringContaining('key-1'),
      question: { number: 1 },
    });
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Decision Needed',
      detail: { question: 1, reason: expect.stringContaining('roll back was refused') },
    });
  });

  test('when the old key ends before the grace could', async () => {
    const { world, ref } = await decidedToRollBack({ lifetime: 2 * 86_400 });
    world.clock.advance(20 * 3600);
    await rollBack(ports(world), ref);
    expect(await world.rotation(ref)).toMatchObject({ refusal: expect.stringContaining('expires at') });
  });

  test('and AWSCURRENT goes back when an earlier run had moved it', async () => {
    const { world, ref, oldVersion, newVersion } = await decidedToRollBack();
    await world.secrets.moveCurrent(world.secretName, { from: newVersion, to: oldVersion });
    await world.issuer.revoke('key-1');
    world.clock.advance(60);
    await rollBack(ports(world), ref);
    expect(await world.currentVersion()).toBe(newVersion);
  });
});

test('a roll back waits for an issuer that does not answer', async () => {
  const { world, ref, newVersion } = await decidedToRollBack();
  world.issuer.failNext('probe');
  await expect(rollBack(ports(world), ref)).rejects.toThrow(IssuerUnavailable);
  expect(await world.currentVersion()).toBe(newVersion);
});

test('a roll back does not touch a secret that somebody else has changed', async () => {
  const { world, ref, newVersion } = await decidedToRollBack();
  await world.secrets.put(world.secretName, versionByHand, new SecretText('by-hand-0123456789abcdef'), 'x');
  await world.secrets.moveCurrent(world.secretName, { from: newVersion, to: versionByHand });
  await expect(rollBack(ports(world), ref)).rejects.toThrow(SecretChangedOutside);
});
