/** Disable key, Check breakage and Enable key: what a key goes through before it is revoked, where the issuer can. */
import { describe, expect, test } from 'vitest';
import { checkBreakage } from '../../lib/rotation/check-breakage.ts';
import { checkDrain } from '../../lib/rotation/check-drain.ts';
import { decide } from '../../lib/rotation/decide.ts';
import { disableKey } from '../../lib/rotation/disable-key.ts';
import { enableKey } from '../../lib/rotation/enable-key.ts';
import { IssuerRejected, IssuerUnavailable } from '../../lib/rotation/errors.ts';
import { revokeKey } from '../../lib/rotation/revoke-key.ts';
import { graceFacts } from '../../lib/rotation/rotation.ts';
import { plus } from '../../lib/usage/instant.ts';
import { callName } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import type { World, WorldOptions } from '../support/world.ts';
import { aWorldWithKey, canDisable, leave } from './scenarios.ts';

/** A drained key that is about to be disabled. */
async function drained({ capabilities, ...options }: WorldOptions = {}) {
  const world = await aWorldWithKey({ capabilities: { disable: true, ...capabilities }, ...options });
  const old = (await world.currentVersion()) ?? '';
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'disableKey' });
  return { world, ref, old };
}

/** A key that is disabled, at the moment when somebody looks. */
async function observed(options: WorldOptions = {}) {
  const { world, ref, old } = await drained(options);
  const { lookAt } = await disableKey(world.ports(), ref);
  const disabledAt = world.clock.now();
  world.clock.set(lookAt);
  return { world, ref, old, disabledAt, lookAt };
}

const statusOfOld = async (world: World) => (await world.keys())[0]?.status;

const missedBy = (world: World, versionId: string, consumer = 'cron-reports') =>
  world.report({
    consumer,
    instance: 'one',
    holds: [],
    leftAt: world.clock.now(),
    lastUse: { [versionId]: world.clock.now() },
  });

describe('Disable key', () => {
  test('takes the key out of use and says when to look', async () => {
    const { world, ref } = await drained();
    const now = world.clock.now();
    const { lookAt } = await disableKey(world.ports(), ref);
    expect(lookAt >= plus(now, 1800) && lookAt <= plus(now, 1800 + 600)).toBe(true);
    expect(world.issuer.keys()[0]).toMatchObject({ disabled: true, revokedAt: null });
    expect(await statusOfOld(world)).toBe('disabled');
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'observing',
      disabledAt: now,
      expectedBy: plus(lookAt, 900),
    });
  });

  test('observes for as long as the policy says', async () => {
    const policy = { rotateEvery: 7_776_000, grace: { min: 3_600, max: 14_400, quiet: 900 }, observe: 7200 };
    const { disabledAt, lookAt } = await observed({ declaration: { policy } });
    expect(lookAt >= plus(disabledAt, 7200)).toBe(true);
  });

  test('run again disables nothing again, and only says when to look', async () => {
    const { world, ref, lookAt } = await observed();
    world.clock.set(plus(lookAt, -60));
    await expect(disableKey(world.ports(), ref)).resolves.toEqual({ lookAt });
    expect(world.issuer.calls.filter(({ verb }) => verb === 'disable')).toHaveLength(1);
  });

  test('leaves a key in use while the issuer does not answer', async () => {
    const { world, ref } = await drained();
    world.issuer.failNext('disable');
    await expect(disableKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'disabling' });
  });
});

describe('a trial that cannot be', () => {
  test('because the issuer refuses to disable is left out', async () => {
    const { world, ref } = await drained();
    world.issuer.failNext('disable', new IssuerRejected('it may not'));
    const { entered } = await runWorkflow(world, ref);
    expect(entered).toEqual(['begin', 'disableKey', 'checkBreakage', 'revokeKey', 'proveDead', 'complete']);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed', disabledAt: null });
  });

  test('because the proof has grown old before the issuer could be asked begins anew', async () => {
    const { world, ref, old } = await drained();
    world.clock.advance(86_401);
    await world.report({ holds: [old] });
    await runWorkflow(world, ref, { until: 'checkDrain' });
    expect(world.issuer.calls.filter(({ verb }) => verb === 'disable')).toEqual([]);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'grace', drainedAt: null });
  });
});

describe('Check breakage', () => {
  test('knows those, too, who were refused before the answer to the disabling came', async () => {
    const { world, ref, old } = await drained();
    const lost = world.ports({
      hook: async (call, effect) => {
        if (callName(call) !== 'ledger.commit') return effect();
        throw new Error('the ledger is away');
      },
    });
    await expect(disableKey(lost, ref)).rejects.toThrow('the ledger is away');
    world.clock.advance(600);
    await missedBy(world, old);
    world.clock.advance(600);
    const { lookAt } = await disableKey(world.ports(), ref);
    world.clock.set(lookAt);
    await world.report();
    await expect(checkBreakage(world.ports(), ref)).resolves.toEqual({ next: 'enableKey' });
  });

  test('condemns a key that nobody has missed', async () => {
    const { world, ref } = await observed();
    await world.report();
    await expect(checkBreakage(world.ports(), ref)).resolves.toEqual({ next: 'revokeKey' });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'revoking', condemned: { keyId: 'key-1' } });
  });

  test('sends a key back that somebody has missed, declared or not, and knows the name', async () => {
    const { world, ref, old } = await observed();
    await world.report();
    await missedBy(world, old);
    await expect(checkBreakage(world.ports(), ref)).resolves.toEqual({ next: 'enableKey' });
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'enabling',
      breakages: 1,
      brokenBy: ['cron-reports'],
      condemned: null,
    });
  });

  test('looks again as long as nobody is heard of', async () => {
    const { world, ref } = await observed();
    await expect(checkBreakage(world.ports(), ref)).resolves.toEqual({ next: 'disableKey' });
    const { lookAt } = await disableKey(world.ports(), ref);
    expect(lookAt > world.clock.now()).toBe(true);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'observing' });
  });

  test('gives a key back when nobody has been heard of for an hour longer', async () => {
    const { world, ref, disabledAt } = await observed();
    // The first look is two reports after the time to observe.
    world.clock.set(plus(disabledAt, 1800 + 120 + 3599));
    await expect(checkBreakage(world.ports(), ref)).resolves.toEqual({ next: 'disableKey' });
    world.clock.advance(1);
    await expect(checkBreakage(world.ports(), ref)).resolves.toEqual({ next: 'enableKey' });
    await enableKey(world.ports(), ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'grace', breakages: 1 });
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Key Enabled',
      detail: { brokenBy: [], reason: expect.stringContaining('nobody was heard of') },
    });
  });

  test('believes an issuer that has refused a call', async () => {
    const { world, ref } = await observed({ capabilities: { lastUsedLag: 60, reportsDenied: true } });
    await world.report();
    const at = world.clock.now();
    const issuer = {
      ...world.issuer,
      lastUse: async () => ({ lastUsedAt: null, lastDeniedAt: plus(at, -120) }),
    };
    const ports = { ...world.ports(), issuers: { connect: async () => issuer } };
    await expect(checkBreakage(ports, ref)).resolves.toEqual({ next: 'enableKey' });
  });

  test('does not revoke while the issuer cannot be asked who was refused', async () => {
    const { world, ref } = await observed({ capabilities: { lastUsedLag: 60, reportsDenied: true } });
    await world.report();
    world.issuer.failNext('lastUse');
    await expect(checkBreakage(world.ports(), ref)).resolves.toEqual({ next: 'disableKey' });
  });
});

describe('Enable key', () => {
  test('returns to the grace for at least its minimum and tells the owner who broke', async () => {
    const { world, ref, old } = await observed();
    await world.report();
    await missedBy(world, old);
    await checkBreakage(world.ports(), ref);
    // Past the deadline, which would be over else.
    world.clock.set(graceFacts(await world.rotation(ref))?.deadline ?? '');
    await expect(enableKey(world.ports(), ref)).resolves.toEqual({ next: 'checkDrain' });
    expect(world.issuer.keys()[0]).toMatchObject({ disabled: false, revokedAt: null });
    expect(await statusOfOld(world)).toBe('superseded');
    const lasts = plus(world.clock.now(), 3600);
    expect(await world.rotation(ref)).toMatchObject({ deadline: lasts, keepUntil: lasts });
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Key Enabled',
      detail: { keyId: 'key-1', brokenBy: ['cron-reports'], owner: { name: 'billing-team' } },
    });
    expect(world.metrics.filter((name) => name === 'KeyMissed')).toHaveLength(1);
  });

  test('run again enables nothing again and tells nobody twice', async () => {
    const { world, ref, old } = await observed();
    await world.report();
    await missedBy(world, old);
    await checkBreakage(world.ports(), ref);
    await enableKey(world.ports(), ref);
    const before = world.events.events.length;
    await expect(enableKey(world.ports(), ref)).resolves.toEqual({ next: 'checkDrain' });
    expect(world.issuer.calls.filter(({ verb }) => verb === 'enable')).toHaveLength(1);
    expect(world.events.events).toHaveLength(before);
  });
});

describe('Revoke key after a trial', () => {
  test('spares a key that somebody has missed since', async () => {
    const { world, ref, old } = await observed();
    await world.report();
    await checkBreakage(world.ports(), ref);
    await missedBy(world, old, 'weekly');
    await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ next: 'enableKey' });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'enabling', brokenBy: ['weekly'] });
    expect(world.issuer.calls.map(({ verb }) => verb)).not.toContain('revoke');
  });

  test('does not take back what the issuer was asked for and may have done', async () => {
    const { world, ref, old } = await observed();
    await world.report();
    await checkBreakage(world.ports(), ref);
    world.issuer.revokeThenFail();
    await expect(revokeKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    await missedBy(world, old, 'weekly');
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
  });
});

describe('a rotation on trial', () => {
  test('is not disabled again before its key was enabled for the minimum grace', async () => {
    const { world, ref, old } = await observed();
    await world.report();
    await missedBy(world, old);
    await checkBreakage(world.ports(), ref);
    await enableKey(world.ports(), ref);
    const enabledAt = world.clock.now();
    const { entered } = await runWorkflow(world, ref, { until: 'disableKey' });
    expect(entered.slice(0, 2)).toEqual(['begin', 'checkDrain']);
    expect(world.clock.now() >= plus(enabledAt, 3600)).toBe(true);
  });

  test('waits as long as its owner has said after the key was missed twice', async () => {
    const { world, ref, old } = await drained();
    const meanwhile = async () => {
      await world.report();
      if ((await world.rotation(ref)).phase === 'observing') await missedBy(world, old);
    };
    await runWorkflow(world, ref, { meanwhile, until: 'askOwner' });
    const extended = {
      credentialId: world.credentialId,
      choice: 'extend',
      seconds: 86_400,
      by: 'ada',
    } as const;
    await decide(world.ports(), extended);
    await world.report();
    const step = await checkDrain(world.ports(), ref);
    expect(step).toEqual({ next: 'wait', lookAt: graceFacts(await world.rotation(ref))?.deadline });
  });

  test('is disabled, observed and revoked, in this order', async () => {
    const { world, ref } = await drained();
    const { entered } = await runWorkflow(world, ref);
    expect(entered.slice(1)).toEqual(['disableKey', 'checkBreakage', 'revokeKey', 'proveDead', 'complete']);
  });

  test('asks its owner when the key was missed twice', async () => {
    const { world, ref, old } = await drained();
    const meanwhile = async () => {
      await world.report();
      if ((await world.rotation(ref)).phase === 'observing') await missedBy(world, old);
    };
    await runWorkflow(world, ref, { meanwhile, until: 'askOwner' });
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'grace',
      breakages: 2,
      question: { number: 1 },
      verdict: { heldBy: ['cron-reports'] },
    });
    expect(world.issuer.liveKeys()).toHaveLength(2);
  });

  test('of a retirement ends with the key enabled when its credential is declared again', async () => {
    const world = await aWorldWithKey(canDisable);
    await world.redeploy('without it');
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'checkBreakage', meanwhile: () => leave(world) });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'observing' });
    await world.redeploy({});
    const { entered } = await runWorkflow(world, ref);
    expect(entered).toContain('enableKey');
    expect(await world.rotation(ref)).toMatchObject({ phase: 'abandoned' });
    expect(world.issuer.keys()[0]).toMatchObject({ disabled: false, revokedAt: null });
    expect(await statusOfOld(world)).toBe('current');
  });
});
