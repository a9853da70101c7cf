import { expect, test } from 'vitest';
import { IssuerRejected, IssuerUnavailable } from '../../lib/rotation/errors.ts';
import { revokeKey } from '../../lib/rotation/revoke-key.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorldWithKey } from './scenarios.ts';

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
  await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ keyId: 'key-1' });
  expect(revoked()).toEqual(['key-1']);
  expect(world.issuer.liveKeys().map(({ keyId }) => keyId)).toEqual(['key-2']);
  expect((await world.keys())[0]).toMatchObject({ status: 'revoked', revokedAt: now, proof: null });
  expect((await world.rotation(ref)).condemned).toMatchObject({ keyId: 'key-1', revokedAt: now });
});

test('nothing is revoked while nothing is condemned', async () => {
  const world = await aWorldWithKey();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'checkDrain' });
  await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ keyId: null });
  expect(world.issuer.liveKeys()).toHaveLength(2);
});

test('a key whose revoke was accepted is not revoked again', async () => {
  const { world, ref, revoked } = await aboutToRevoke();
  await revokeKey(world.ports(), ref);
  await expect(revokeKey(world.ports(), ref)).resolves.toEqual({ keyId: 'key-1' });
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
