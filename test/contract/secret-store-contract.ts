/** What every secret store does: versions written once and read by id, labels that sit on one version. */
import { describe, expect, it } from 'vitest';
import type { SecretStore } from '../../lib/rotation/ports.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import { SENTINEL } from '../support/sentinel.ts';

/** Secrets Manager takes ids of 32 to 64 characters. */
const idOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const [placeholder, v1, v2, v3] = [idOf(0), idOf(1), idOf(2), idOf(3)];
const aValue = (n: number): SecretText => new SecretText(`${SENTINEL}-${n}`);

/** @param make a store, and a name that no other test has used. */
export function secretStoreContract(
  name: string,
  make: () => Promise<{ readonly store: SecretStore; readonly secret: string }>,
): void {
  const made = async () => {
    const { store, secret } = await make();
    await store.create(newSecret(secret));
    return { store, secret };
  };

  describe(`${name} as a secret store`, () => {
    it('knows nothing of a secret that does not exist', async () => {
      const { store, secret } = await make();
      expect(await store.versions(secret)).toBeUndefined();
      await expect(store.read(secret, v1)).rejects.toThrow();
      await expect(store.put(secret, v1, aValue(1), 'keyturn-1')).rejects.toThrow();
    });

    it('makes the placeholder the first and current version, under the given id', async () => {
      const { store, secret } = await made();
      expect(await stagesIn(store, secret)).toEqual({ [placeholder]: ['AWSCURRENT'] });
      expect((await store.read(secret, placeholder)).reveal()).toBe('keyturn:key-not-issued');
    });

    it('leaves a secret that exists as it is', async () => {
      const { store, secret } = await made();
      await store.create(newSecret(secret));
      await store.create({ ...newSecret(secret), token: v1, placeholder: 'something else' });
      expect(await stagesIn(store, secret)).toEqual({ [placeholder]: ['AWSCURRENT'] });
    });

    it('puts a value under its stage and leaves the current version alone', async () => {
      const { store, secret } = await made();
      await store.put(secret, v1, aValue(1), 'keyturn-1');
      expect(await stagesIn(store, secret)).toEqual({ [placeholder]: ['AWSCURRENT'], [v1]: ['keyturn-1'] });
      expect((await store.read(secret, v1)).reveal()).toBe(aValue(1).reveal());
    });

    it('changes nothing when the same value is put again, before or after it has become current', async () => {
      const { store, secret } = await made();
      await store.put(secret, v1, aValue(1), 'keyturn-1');
      await store.put(secret, v1, aValue(1), 'keyturn-1');
      await store.moveCurrent(secret, { from: placeholder, to: v1 });
      await store.put(secret, v1, aValue(1), 'keyturn-1');
      expect(await stagesIn(store, secret)).toEqual({
        [placeholder]: ['AWSPREVIOUS'],
        [v1]: ['AWSCURRENT', 'keyturn-1'],
      });
    });

    it('refuses another value for the same version, and names neither value', async () => {
      const { store, secret } = await made();
      await store.put(secret, v1, aValue(1), 'keyturn-1');
      const refusal = await store.put(secret, v1, aValue(2), 'keyturn-1').then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(refusal).toMatchObject({
        message: expect.stringContaining(`version ${v1} of secret ${secret}`),
      });
      expectNoSecret(refusal);
      expect((await store.read(secret, v1)).reveal()).toBe(aValue(1).reveal());
    });

    it('keeps a stage on one version at a time', async () => {
      const { store, secret } = await made();
      await store.put(secret, v1, aValue(1), 'keyturn-1');
      await store.moveCurrent(secret, { from: placeholder, to: v1 });
      await store.put(secret, v2, aValue(2), 'keyturn-1');
      expect(await stagesIn(store, secret)).toMatchObject({ [v1]: ['AWSCURRENT'], [v2]: ['keyturn-1'] });
    });

    it('moves AWSCURRENT, and AWSPREVIOUS with it', async () => {
      const { store, secret } = await promotedTwice(made);
      expect(await stagesIn(store, secret)).toEqual({
        [v1]: ['AWSPREVIOUS', 'keyturn-1'],
        [v2]: ['AWSCURRENT', 'keyturn-2'],
      });
    });

    it('reads an old version by its id as long as it has a stage', async () => {
      const { store, secret } = await promotedTwice(made);
      await store.put(secret, v3, aValue(3), 'keyturn-3');
      await store.moveCurrent(secret, { from: v2, to: v3 });
      expect((await store.read(secret, v1)).reveal()).toBe(aValue(1).reveal());
      expect((await store.read(secret, v2)).reveal()).toBe(aValue(2).reveal());
    });

    it('moves AWSCURRENT back', async () => {
      const { store, secret } = await promotedTwice(made);
      await store.moveCurrent(secret, { from: v2, to: v1 });
      expect(await stagesIn(store, secret)).toEqual({
        [v1]: ['AWSCURRENT', 'keyturn-1'],
        [v2]: ['AWSPREVIOUS', 'keyturn-2'],
      });
    });

    it('changes nothing when AWSCURRENT is there already', async () => {
      const { store, secret } = await promotedTwice(made);
      await store.moveCurrent(secret, { from: v1, to: v2 });
      expect(await stagesIn(store, secret)).toMatchObject({ [v2]: ['AWSCURRENT', 'keyturn-2'] });
    });

    it('refuses to move AWSCURRENT when it is not where the caller thinks', async () => {
      const { store, secret } = await promotedTwice(made);
      await store.put(secret, v3, aValue(3), 'keyturn-3');
      await expect(store.moveCurrent(secret, { from: v1, to: v3 })).rejects.toMatchObject({
        name: 'SecretChangedOutside',
        message: expect.stringContaining(`is on version ${v2}, expected ${v1}`),
      });
      expect(await stagesIn(store, secret)).toMatchObject({ [v2]: ['AWSCURRENT', 'keyturn-2'] });
    });

    it('refuses to move AWSCURRENT to a version that does not exist', async () => {
      const { store, secret } = await made();
      await expect(store.moveCurrent(secret, { from: placeholder, to: v1 })).rejects.toThrow();
      expect(await stagesIn(store, secret)).toEqual({ [placeholder]: ['AWSCURRENT'] });
    });

    it('describes a secret: its versions, the key that encrypts it, and that nothing else rotates it', async () => {
      const { store, secret } = await made();
      await store.put(secret, v1, aValue(1), 'keyturn-1');
      expect(await store.describe(secret)).toEqual({
        versions: await store.versions(secret),
        kmsKey: null,
        nativeRotation: false,
      });
      expect(await store.describe(`${secret}-nowhere`)).toBeUndefined();
    });

    it('puts a stage on a version that has another one, and leaves AWSCURRENT alone', async () => {
      const { store, secret } = await made();
      await store.addStage(secret, placeholder, 'keyturn-1');
      await store.addStage(secret, placeholder, 'keyturn-1');
      expect(await stagesIn(store, secret)).toEqual({ [placeholder]: ['AWSCURRENT', 'keyturn-1'] });
    });

    it('keeps a version that was given a stage when AWSCURRENT has left it twice', async () => {
      const { store, secret } = await made();
      await store.addStage(secret, placeholder, 'keyturn-1');
      await store.put(secret, v2, aValue(2), 'keyturn-2');
      await store.moveCurrent(secret, { from: placeholder, to: v2 });
      await store.put(secret, v3, aValue(3), 'keyturn-3');
      await store.moveCurrent(secret, { from: v2, to: v3 });
      expect(await stagesIn(store, secret)).toEqual({
        [placeholder]: ['keyturn-1'],
        [v2]: ['AWSPREVIOUS', 'keyturn-2'],
        [v3]: ['AWSCURRENT', 'keyturn-3'],
      });
    });

    it('puts no stage on a version or a secret that does not exist', async () => {
      const { store, secret } = await made();
      await expect(store.addStage(secret, v1, 'keyturn-1')).rejects.toThrow();
      await expect(store.addStage(`${secret}-nowhere`, v1, 'keyturn-1')).rejects.toThrow();
      expect(await stagesIn(store, secret)).toEqual({ [placeholder]: ['AWSCURRENT'] });
    });

    it('takes a stage off, after which the version is no longer listed', async () => {
      const { store, secret } = await made();
      await store.put(secret, v1, aValue(1), 'keyturn-1');
      await store.dropStage(secret, v1, 'keyturn-1');
      expect(await stagesIn(store, secret)).toEqual({ [placeholder]: ['AWSCURRENT'] });
    });

    it('does not mind a stage, a version or a secret that is gone', async () => {
      const { store, secret } = await promotedTwice(made);
      await store.dropStage(secret, v1, 'keyturn-1');
      await store.dropStage(secret, v1, 'keyturn-1');
      await store.dropStage(secret, v2, 'keyturn-1');
      await store.dropStage(secret, v3, 'keyturn-3');
      await store.dropStage(`${secret}-nowhere`, v1, 'keyturn-1');
      expect(await stagesIn(store, secret)).toEqual({
        [v1]: ['AWSPREVIOUS'],
        [v2]: ['AWSCURRENT', 'keyturn-2'],
      });
    });

    it('never takes AWSCURRENT off', async () => {
      const { store, secret } = await made();
      await expect(store.dropStage(secret, placeholder, 'AWSCURRENT')).rejects.toThrow();
      expect(await stagesIn(store, secret)).toEqual({ [placeholder]: ['AWSCURRENT'] });
    });

    it('refuses to read a version that does not exist', async () => {
      const { store, secret } = await made();
      await expect(store.read(secret, v1)).rejects.toThrow();
    });

    it('prints no value', async () => {
      const { store, secret } = await made();
      await store.put(secret, v1, aValue(1), 'keyturn-1');
      expectNoSecret(await store.read(secret, v1), await store.versions(secret));
    });
  });
}

const newSecret = (name: string) => ({
  name,
  token: placeholder,
  placeholder: 'keyturn:key-not-issued',
  credentialId: 'billing-agent',
});

/** Placeholder → 1 → 2: the placeholder has lost its last stage by then. */
async function promotedTwice(made: () => Promise<{ readonly store: SecretStore; readonly secret: string }>) {
  const { store, secret } = await made();
  await store.put(secret, v1, aValue(1), 'keyturn-1');
  await store.moveCurrent(secret, { from: placeholder, to: v1 });
  await store.put(secret, v2, aValue(2), 'keyturn-2');
  await store.moveCurrent(secret, { from: v1, to: v2 });
  return { store, secret };
}

/** Stages by version id, in the order of the alphabet. */
async function stagesIn(store: SecretStore, secret: string): Promise<Record<string, readonly string[]>> {
  const versions = await store.versions(secret);
  return Object.fromEntries([...(versions ?? [])].map(([id, stages]) => [id, [...stages].sort()]));
}
