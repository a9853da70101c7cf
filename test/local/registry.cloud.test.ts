/** The demo's issuer behaves as the issuer sheet says: its revocations are real, and its answers need care. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, type Registry, startRegistry } from '../../local/registry.ts';

describe('the local registry', () => {
  let directory: string;
  let registry: Registry;
  let account: Account;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyturn-'));
    registry = await startRegistry({ directory });
    account = await registry.addUser('billing-agent');
    await registry.publish('@demo/prices', account.token);
  });

  afterAll(async () => {
    await registry?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('accepts a created token, and lists it by its key', async () => {
    const created = await registry.createToken(account);
    expect(await registry.whoami(created.token)).toEqual({ status: 200, username: 'billing-agent' });
    expect(await registry.read('@demo/prices', created.token)).toBe(200);
    const listed = await registry.listTokens(account.token);
    expect(listed.map(({ key }) => key)).toContain(created.key);
  });

  it('has two live tokens of one account at once', async () => {
    const [old, fresh] = [await registry.createToken(account), await registry.createToken(account)];
    expect(await registry.read('@demo/prices', old.token)).toBe(200);
    expect(await registry.read('@demo/prices', fresh.token)).toBe(200);
  });

  it('refuses a token once it is deleted', async () => {
    const created = await registry.createToken(account);
    await registry.deleteToken(created.key, account.token);
    expect(await registry.whoami(created.token)).toMatchObject({ status: 403 });
    expect(await registry.read('@demo/prices', created.token)).toBe(403);
    const listed = await registry.listTokens(account.token);
    expect(listed.map(({ key }) => key)).not.toContain(created.key);
  });

  it('answers 200 without a name to a token it never made', async () => {
    expect(await registry.whoami('not-a-token')).toEqual({ status: 200, username: undefined });
    expect(await registry.read('@demo/prices', 'not-a-token')).toBe(401);
  });

  it('writes neither passwords nor tokens to its log', async () => {
    const created = await registry.createToken(account);
    await registry.deleteToken(created.key, created.token);
    const log = await readFile(registry.logFile, 'utf8');
    for (const secret of [account.password, account.token, created.token]) expect(log).not.toContain(secret);
  });
});
