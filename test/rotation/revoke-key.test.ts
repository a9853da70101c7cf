import { describe, expect, test } from 'vitest';
import { checkDrain } from '../../lib/rotation/check-drain.ts';
import { IssuerRejected, IssuerUnavailable } from '../../lib/rotation/errors.ts';
import { revokeKey } from '../../lib/rotation/revoke-key.ts';
import { graceFacts } from '../../lib/rotation/rotation.ts';
import { plus, secondsBetween } from '../../lib/usage/instant.ts';
import { callName, type PortCall } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { expectOneKey, expectSoundAudit } from './invariants.ts';
import { aWorldWithKey } from './scenarios.ts';

const day = 86_400;

async function aboutToRevoke() {
  const world = await aWorldWithKey();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'revokeKey' });
  return {
    world,
    ref,
    revoked: () => world.issuer.calls.flatMap(({ verb, keyId }) => (verb === 'revoke' ? [keyId] : [])),
  };
}

test('exactly the condemned key is revoked', async () => {
  const { world, ref, revoked } = await aboutToRevoke();
  const now = world.clock.now();
  await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ next: 'proveDead' });
  expect(revoked()).toEqual(['key-1']);
  expect(world.issuer.liveKeys().map(({ keyId }) => keyId)).toEqual(['key-2']);
  expect((await world.keys())[0]).toMatchObject({ status: 'revoked', revokedAt: now, proof: null });
  expect((await world.rotation(ref)).condemned).toMatchObject({ keyId: 'key-1', revokedAt: now });
});

test('nothing is revoked while nothing is condemned', async () => {
  const world = await aWorldWithKey();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'checkDrain' });
  await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ next: 'checkDrain' });
  expect(world.issuer.liveKeys()).toHaveLength(2);
});

test('a key whose revoke was accepted is not revoked again', async () => {
  const { world, ref, revoked } = await aboutToRevoke();
  await revokeKey(world.ports(), ref);
  await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ next: 'proveDead' });
  expect(revoked()).toEqual(['key-1']);
});

test('a revoke without an answer is asked again, for the same key', async () => {
  const { world, ref, revoked } = await aboutToRevoke();
  world.issuer.revokeThenFail();
  await expect(revokeKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
  expect((await world.keys())[0]).toMatchObject({ status: 'superseded', revokedAt: null });
  await revokeKey(world.ports(), ref);
  expect(revoked()).toEqual(['key-1', 'key-1']);
  expect((await world.keys())[0]).toMatchObject({ status: 'revoked' });
});

test('an issuer that refuses the revoke leaves the key condemned', async () => {
  const { world, ref } = await aboutToRevoke();
  world.issuer.failNext('revoke', new IssuerRejected('not allowed'));
  await expect(revokeKey(world.ports(), ref)).rejects.toThrow(IssuerRejected);
  expect(await world.rotation(ref)).toMatchObject({
    phase: 'revoking',
    lease: null,
    condemned: { keyId: 'key-1', revokedAt: null },
  });
});

describe('a proof that nobody uses the old key', () => {
  test('is good for a day', async () => {
    const { world, ref, revoked } = await aboutToRevoke();
    world.clock.advance(day);
    await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ next: 'proveDead' });
    expect(revoked()).toEqual(['key-1']);
  });

  test('that is older sends back to Check drain, and the issuer is not asked', async () => {
    const { world, ref, revoked } = await aboutToRevoke();
    world.clock.advance(day + 1);
    await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ next: 'checkDrain' });
    expect(revoked()).toEqual([]);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'grace', condemned: null, drainedAt: null });
    expect((await world.keys()).map(({ status }) => status)).toEqual(['superseded', 'current']);
    expect((await world.ledger.audit(world.credentialId)).at(-1)).toMatchObject({ what: 'proofAged' });
    await expectSoundAudit(world);
  });

  test('that grew old while the issuer was down for two days is made anew before the key is revoked', async () => {
    const { world, ref, revoked } = await aboutToRevoke();
    const healsAt = plus(world.clock.now(), 2 * day);
    const hookOf = () => async (call: PortCall, effect: () => Promise<unknown>) => {
      if (callName(call) === 'issuer.revoke' && world.clock.now() < healsAt)
        throw new IssuerUnavailable('down');
      return effect();
    };
    const run = await runWorkflow(world, ref, {
      hookOf,
      onFailure: async () => {
        world.clock.advance(1800);
        await world.report();
      },
    });
    expect(run.outcome).toBe('ended');
    expect(revoked()).toEqual(['key-1']);
    const { drainedAt } = graceFacts(await world.rotation(ref)) ?? {};
    const { revokedAt } = (await world.keys())[0] ?? {};
    expect((revokedAt ?? '') >= healsAt).toBe(true);
    expect(secondsBetween(drainedAt ?? '', revokedAt ?? '')).toBeLessThanOrEqual(day);
    await expectOneKey(world);
    await expectSoundAudit(world);
  });

  test('is not made anew when a consumer has come back meanwhile: it holds the old key', async () => {
    const { world, ref, revoked } = await aboutToRevoke();
    const [old] = await world.keys();
    world.issuer.failNext('revoke');
    await expect(revokeKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    world.clock.advance(day + 1);
    await world.report({ holds: [old?.versionId ?? ''] });
    await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ next: 'checkDrain' });
    await expect(checkDrain(world.ports(), ref)).resolves.toMatchObject({ next: 'askOwner' });
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'grace',
      condemned: null,
      verdict: { heldBy: ['billing-agent'] },
    });
    expect(revoked()).toEqual(['key-1']);
    expect(world.issuer.liveKeys()).toHaveLength(2);
  });

  test('does not matter any more once the issuer has accepted the revoke', async () => {
    const { world, ref, revoked } = await aboutToRevoke();
    await revokeKey(world.ports(), ref);
    world.clock.advance(2 * day);
    await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ next: 'proveDead' });
    expect(revoked()).toEqual(['key-1']);
  });
});

test('a key that nobody could have used needs no proof: an orphan is revoked however late', async () => {
  const world = await aWorldWithKey();
  world.issuer.createThenFail();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'revokeKey' });
  world.clock.advance(2 * day);
  await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ next: 'proveDead' });
  expect(world.issuer.liveKeys().map(({ keyId }) => keyId)).toEqual(['key-1']);
});
