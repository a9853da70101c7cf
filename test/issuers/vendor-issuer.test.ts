/** The vendor of the cloud tests, through the real `http` issuer and over real sockets. */
import { afterEach, describe, expect, test } from 'vitest';
import { connectIssuer, issuerCapabilities } from '../../lib/issuers/index.ts';
import type { Issuer } from '../../lib/rotation/ports.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { plus } from '../../lib/usage/instant.ts';
import { issuerContract } from '../contract/issuer-contract.ts';
import { type ManualClock, manualClock } from '../fakes/manual-clock.ts';
import { startVendorIssuer, type VendorIssuer } from '../fakes/vendor-issuer.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import { anIssuerWorld } from './an-issuer-world.ts';

const running: VendorIssuer[] = [];
afterEach(async () => {
  for (const vendor of running.splice(0)) await vendor.stop();
});

interface Opened {
  readonly clock: ManualClock;
  readonly vendor: VendorIssuer;
  readonly issuer: Issuer;
}

async function open(lastUsedLag = 60): Promise<Opened> {
  const clock = manualClock();
  const vendor = await startVendorIssuer({ clock, lastUsedLag });
  const secret = async () => ({ token: new SecretText(vendor.adminToken) });
  const world = anIssuerWorld({ secret, fetch, clock, deadline: () => plus(clock.now(), 30) });
  return { clock, vendor, issuer: connectIssuer(vendor.block('admin/vendor'), world) };
}

async function opened(): Promise<Opened> {
  const all = await open();
  running.push(all.vendor);
  return all;
}

issuerContract('the vendor of the cloud tests', async () => {
  const { clock, vendor, issuer } = await open();
  return { clock, issuer, lagsExactly: true, stop: vendor.stop };
});

describe('a consumer', () => {
  test('works with an enabled key, and with no other', async () => {
    const { vendor, issuer } = await opened();
    const { keyId, secret } = await issuer.create({ label: 'one' });
    const key = secret.reveal();
    const work = () => vendor.work(key);
    expect(await work()).toBe(200);
    await issuer.disable(keyId);
    expect(await work()).toBe(401);
    await issuer.enable(keyId);
    expect(await work()).toBe(200);
    await issuer.revoke(keyId);
    expect(await work()).toBe(401);
    expect(await vendor.work('a key of nobody')).toBe(401);
    expect(vendor.calls().map((call) => [call.keyId, call.status])).toEqual([
      [keyId, 200],
      [keyId, 401],
      [keyId, 200],
      [keyId, 401],
      [null, 401],
    ]);
  });

  test('shows at the issuer: when it was accepted, and when it was refused', async () => {
    const { clock, vendor, issuer } = await opened();
    const { keyId, secret } = await issuer.create({ label: 'one' });
    const used = clock.now();
    await vendor.work(secret.reveal());
    clock.advance(10);
    await issuer.disable(keyId);
    const denied = clock.now();
    await vendor.work(secret.reveal());
    clock.advance(50);
    expect(await issuer.lastUse(keyId)).toEqual({ lastUsedAt: used, lastDeniedAt: null });
    clock.advance(10);
    expect(await issuer.lastUse(keyId)).toEqual({ lastUsedAt: used, lastDeniedAt: denied });
  });
});

test('the vendor knows the state of each key and tells no secret', async () => {
  const { vendor, issuer } = await opened();
  const [one, two] = [await issuer.create({ label: 'one' }), await issuer.create({ label: 'two' })];
  await issuer.create({ label: 'three' });
  await issuer.revoke(one.keyId);
  await issuer.disable(two.keyId);
  const told = [vendor.keys(), vendor.calls(), vendor.block('admin/vendor')];
  expect(vendor.keys().map(({ label, state }) => [label, state])).toEqual([
    ['one', 'revoked'],
    ['two', 'disabled'],
    ['three', 'enabled'],
  ]);
  expectNoSecret(told);
});

test('nobody without the admin token makes, sees or changes keys', async () => {
  const { vendor, issuer } = await opened();
  const { keyId, secret } = await issuer.create({ label: 'one' });
  const headers = { authorization: `Bearer ${secret.reveal()}` };
  const status = async (path: string, method: string) =>
    (await fetch(`${vendor.url}${path}`, { method, headers })).status;
  expect(await status('/keys', 'POST')).toBe(401);
  expect(await status('/keys', 'GET')).toBe(401);
  expect(await status(`/keys/${keyId}`, 'DELETE')).toBe(401);
  expect(vendor.keys()).toHaveLength(1);
});

test('its block says what it can do', async () => {
  const { vendor } = await opened();
  expect(issuerCapabilities(vendor.block('admin/vendor'))).toMatchObject({
    named: true,
    list: true,
    disable: true,
    lastUsedLag: 60,
    reportsDenied: true,
  });
});
