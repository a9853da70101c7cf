/** What every issuer does, be it a twin, a fake or the real thing; skips what its capabilities say it lacks. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Clock, CreatedKey, Issuer } from '../../lib/rotation/ports.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';

export interface IssuerUnderTest {
  readonly issuer: Issuer;
  /** Waits out the issuer's lags: for a twin the test's clock, for a real one the system's. */
  readonly clock: Pick<Clock, 'sleep'>;
  /** Whether a use shows when the issuer's lag is over and not before, as fakes have it; real ones may be faster. */
  readonly lagsExactly?: boolean;
  stop?(): Promise<void>;
}

/** @param open starts it fresh, once for the whole kit. */
export function issuerContract(name: string, open: () => Promise<IssuerUnderTest>): void {
  describe(`the issuer contract: ${name}`, () => {
    let opened: IssuerUnderTest;
    let issuer: Issuer;
    beforeAll(async () => {
      opened = await open();
      issuer = opened.issuer;
    });
    afterAll(async () => opened?.stop?.());

    const born = () => opened.clock.sleep(issuer.capabilities.createLag);
    const gone = () => opened.clock.sleep(issuer.capabilities.revokeLag);
    const aKey = async (label = 'keyturn-contract'): Promise<CreatedKey> => {
      const key = await issuer.create({ label });
      await born();
      return key;
    };
    const told = () => opened.clock.sleep(issuer.capabilities.lastUsedLag ?? 0);
    const ids = async () => (await issuer.list()).map(({ keyId }) => keyId);

    test('makes a key whose id is not its secret, and which is hard to guess', async () => {
      const { keyId, secret } = await aKey();
      expect(keyId).not.toBe('');
      expect(keyId).not.toContain(secret.reveal());
      expect(secret.reveal().length).toBeGreaterThanOrEqual(20);
      await issuer.revoke(keyId);
    });

    test('accepts a created key in each of as many probes as make a proof', async () => {
      const { keyId, secret } = await aKey();
      for (let probe = 0; probe < issuer.capabilities.probes; probe += 1) {
        expect(await issuer.probe(secret, keyId)).toBe('alive');
      }
      await issuer.revoke(keyId);
    });

    test('does not accept a random secret, be it with the id of a live key', async () => {
      const { keyId } = await aKey();
      const answer = await issuer.probe(new SecretText('Zm9yIHRoZSBuZWdhdGl2ZSBjb250cm9s'), keyId);
      expect(['dead', 'unknown']).toContain(answer);
      await issuer.revoke(keyId);
    });

    test('refuses a revoked key in each of as many probes as make a proof', async () => {
      const { keyId, secret } = await aKey();
      await issuer.revoke(keyId);
      await gone();
      for (let probe = 0; probe < issuer.capabilities.probes; probe += 1) {
        expect(await issuer.probe(secret, keyId)).toBe('dead');
      }
    });

    test('keeps the other key alive when one is revoked', async ({ skip }) => {
      skip(issuer.capabilities.maxLiveKeys < 2, 'allows one key only');
      const [old, next] = [await aKey(), await aKey()];
      await issuer.revoke(old.keyId);
      await gone();
      expect(await issuer.probe(next.secret, next.keyId)).toBe('alive');
      await issuer.revoke(next.keyId);
    });

    test('takes a second revoke, and one of an unknown key, as done', async () => {
      const { keyId } = await aKey();
      await issuer.revoke(keyId);
      await issuer.revoke(keyId);
      await issuer.revoke('0123456789abcdef0123456789abcdef');
    });

    test('lists a key from its creation to its revoke', async ({ skip }) => {
      skip(!issuer.capabilities.list, 'cannot list keys');
      const { keyId } = await aKey();
      expect(await ids()).toContain(keyId);
      await issuer.revoke(keyId);
      await gone();
      expect(await ids()).not.toContain(keyId);
    });

    test('shows the label in the list', async ({ skip }) => {
      skip(!issuer.capabilities.list || !issuer.capabilities.named, 'its keys carry no label');
      const label = 'keyturn-5f0c5b0e-1f0b-5b6e-9f0e-000000000000-1';
      const { keyId } = await aKey(label);
      expect(await issuer.list()).toContainEqual(expect.objectContaining({ keyId, label }));
      await issuer.revoke(keyId);
    });

    test('lists no secret', async ({ skip }) => {
      skip(!issuer.capabilities.list, 'cannot list keys');
      const { keyId, secret } = await aKey();
      const listed = await issuer.list();
      expectNoSecret(listed);
      expect(JSON.stringify(listed)).not.toContain(secret.reveal());
      await issuer.revoke(keyId);
    });

    test('refuses a disabled key until it is enabled, and takes a second disable or enable as done', async ({
      skip,
    }) => {
      skip(!issuer.capabilities.disable, 'cannot disable keys');
      const { keyId, secret } = await aKey();
      for (let round = 0; round < 2; round += 1) {
        await issuer.disable(keyId);
        await issuer.disable(keyId);
        await gone();
        expect(await issuer.probe(secret, keyId)).toBe('dead');
        await issuer.enable(keyId);
        await issuer.enable(keyId);
        await born();
        expect(await issuer.probe(secret, keyId)).toBe('alive');
      }
      await issuer.revoke(keyId);
    });

    test('keeps a disabled key in its list', async ({ skip }) => {
      const { disable, list } = issuer.capabilities;
      skip(!disable || !list, 'cannot disable keys, or cannot list them');
      const { keyId } = await aKey();
      await issuer.disable(keyId);
      await gone();
      expect(await ids()).toContain(keyId);
      await issuer.revoke(keyId);
    });

    test('leaves the other key in use while one is disabled', async ({ skip }) => {
      const { disable, maxLiveKeys } = issuer.capabilities;
      skip(!disable || maxLiveKeys < 2, 'cannot disable keys, or allows one key only');
      const [old, next] = [await aKey(), await aKey()];
      await issuer.disable(old.keyId);
      await gone();
      expect(await issuer.probe(next.secret, next.keyId)).toBe('alive');
      await issuer.revoke(old.keyId);
      await issuer.revoke(next.keyId);
    });

    test('says when a key was last used, once its lag is over', async ({ skip }) => {
      skip(issuer.capabilities.lastUsedLag === null, 'does not say when keys are used');
      const { keyId, secret } = await aKey();
      const never = { lastUsedAt: null, lastDeniedAt: null };
      expect(await issuer.lastUse(keyId)).toEqual(never);
      await issuer.probe(secret, keyId);
      if (opened.lagsExactly && issuer.capabilities.lastUsedLag !== 0)
        expect(await issuer.lastUse(keyId)).toEqual(never);
      await told();
      const first = await issuer.lastUse(keyId);
      expect(first).toEqual({ lastUsedAt: expect.stringMatching(/^\d{4}-.*Z$/), lastDeniedAt: null });
      await opened.clock.sleep(1);
      await issuer.probe(secret, keyId);
      await told();
      const second = await issuer.lastUse(keyId);
      expect(`${second.lastUsedAt}` > `${first.lastUsedAt}`).toBe(true);
      await issuer.revoke(keyId);
    });

    test('says when a disabled key was last refused, and does not take that for a use', async ({ skip }) => {
      const { disable, lastUsedLag, reportsDenied } = issuer.capabilities;
      skip(!disable || lastUsedLag === null || !reportsDenied, 'does not say when keys are refused');
      const { keyId, secret } = await aKey();
      await issuer.disable(keyId);
      await gone();
      await told();
      expect(await issuer.lastUse(keyId)).toEqual({ lastUsedAt: null, lastDeniedAt: null });
      await issuer.probe(secret, keyId);
      await told();
      const { lastUsedAt, lastDeniedAt } = await issuer.lastUse(keyId);
      expect(lastUsedAt).toBeNull();
      expect(lastDeniedAt).toMatch(/^\d{4}-.*Z$/);
      await issuer.revoke(keyId);
    });

    test('knows no last use of a key that is not there', async ({ skip }) => {
      skip(issuer.capabilities.lastUsedLag === null, 'does not say when keys are used');
      const asked = issuer.lastUse('0123456789abcdef0123456789abcdef');
      await expect(asked).rejects.toMatchObject({ name: 'IssuerRejected' });
    });

    test('rejects what its capabilities lack', async () => {
      const { disable, lastUsedLag, list } = issuer.capabilities;
      if (lastUsedLag === null)
        await expect(issuer.lastUse('any')).rejects.toMatchObject({ name: 'IssuerRejected' });
      if (!list) await expect(issuer.list()).rejects.toMatchObject({ name: 'IssuerRejected' });
      if (!disable) await expect(issuer.disable('any')).rejects.toMatchObject({ name: 'IssuerRejected' });
      if (!disable) await expect(issuer.enable('any')).rejects.toMatchObject({ name: 'IssuerRejected' });
    });
  });
}
