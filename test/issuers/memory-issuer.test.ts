/** The twin passes the kit of the real issuers, with all capabilities and with none, and fails on demand. */
import { expect, test } from 'vitest';
import { issuerContract } from '../contract/issuer-contract.ts';
import { manualClock } from '../fakes/manual-clock.ts';
import { memoryIssuer } from '../fakes/memory-issuer.ts';

issuerContract('in memory', async () => {
  const clock = manualClock();
  return { clock, issuer: memoryIssuer({ clock }) };
});

issuerContract('in memory, with the last use', async () => {
  const clock = manualClock();
  const capabilities = { lastUsedLag: 300, reportsDenied: true };
  return { clock, lagsExactly: true, issuer: memoryIssuer({ clock, capabilities }) };
});

issuerContract('in memory, slow and with few capabilities', async () => {
  const clock = manualClock();
  const capabilities = { named: false, list: false, disable: false, createLag: 30, revokeLag: 60 };
  return { clock, issuer: memoryIssuer({ clock, capabilities }) };
});

test('a key is not accepted before createLag, and still accepted within revokeLag', async () => {
  const clock = manualClock();
  const issuer = memoryIssuer({ clock, capabilities: { createLag: 10, revokeLag: 20 } });
  const { keyId, secret } = await issuer.create({ label: 'one' });
  expect(await issuer.probe(secret, keyId)).toBe('dead');
  expect(await issuer.list()).toEqual([]);
  clock.advance(10);
  expect(await issuer.probe(secret, keyId)).toBe('alive');
  await issuer.revoke(keyId);
  clock.advance(19);
  expect(await issuer.probe(secret, keyId)).toBe('alive');
  clock.advance(1);
  expect(await issuer.probe(secret, keyId)).toBe('dead');
});

test('a call fails once when told so, with no effect; createThenFail leaves a key behind', async () => {
  const issuer = memoryIssuer({ clock: manualClock() });
  issuer.failNext('create');
  await expect(issuer.create({ label: 'one' })).rejects.toMatchObject({ name: 'IssuerUnavailable' });
  expect(issuer.keys()).toEqual([]);
  issuer.createThenFail();
  await expect(issuer.create({ label: 'two' })).rejects.toMatchObject({ name: 'IssuerUnavailable' });
  expect(await issuer.list()).toEqual([expect.objectContaining({ label: 'two' })]);
  await issuer.create({ label: 'three' });
  expect(issuer.calls.map(({ verb }) => verb)).toEqual(['create', 'create', 'list', 'create']);
});

test('the probe can be made untrustworthy, and a revoke without effect', async () => {
  const issuer = memoryIssuer({ clock: manualClock() });
  const { keyId, secret } = await issuer.create({ label: 'one' });
  issuer.ignoreRevokes();
  await issuer.revoke(keyId);
  expect(await issuer.probe(secret, keyId)).toBe('alive');
  issuer.distortProbes(() => 'unknown');
  expect(await issuer.probe(secret, keyId)).toBe('unknown');
  expect(issuer.answerTo(secret)).toBe('alive');
});

test('the limit refuses one key too many', async () => {
  const issuer = memoryIssuer({ clock: manualClock(), limit: 1 });
  const { keyId } = await issuer.create({ label: 'one' });
  await expect(issuer.create({ label: 'two' })).rejects.toMatchObject({ name: 'IssuerRejected' });
  await issuer.revoke(keyId);
  await issuer.create({ label: 'two' });
});

test('a consumer is refused with a disabled key, and both its calls show when the lag is over', async () => {
  const clock = manualClock();
  const issuer = memoryIssuer({ clock, capabilities: { lastUsedLag: 60, reportsDenied: true } });
  const { keyId, secret } = await issuer.create({ label: 'one' });
  const used = clock.now();
  expect(issuer.call(secret)).toBe('accepted');
  clock.advance(30);
  await issuer.disable(keyId);
  const denied = clock.now();
  expect(issuer.call(secret)).toBe('refused');
  clock.advance(30);
  expect(await issuer.lastUse(keyId)).toEqual({ lastUsedAt: used, lastDeniedAt: null });
  clock.advance(30);
  expect(await issuer.lastUse(keyId)).toEqual({ lastUsedAt: used, lastDeniedAt: denied });
  expect(issuer.calls.map(({ verb }) => verb)).toEqual(['create', 'disable', 'lastUse', 'lastUse']);
});

test('no refused call is told by an issuer that does not report them', async () => {
  const issuer = memoryIssuer({ clock: manualClock(), capabilities: { lastUsedLag: 0 } });
  const { keyId, secret } = await issuer.create({ label: 'one' });
  await issuer.disable(keyId);
  issuer.call(secret);
  expect(await issuer.lastUse(keyId)).toEqual({ lastUsedAt: null, lastDeniedAt: null });
});
