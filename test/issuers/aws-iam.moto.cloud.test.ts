/** Access keys against moto, with its checks of keys and rights on: what the local cloud's IAM does not model. */
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { iamAccessKeys } from '../../lib/aws/iam-access-keys.ts';
import { connectIssuer, issuerPermissions } from '../../lib/issuers/index.ts';
import type { Issuer } from '../../lib/rotation/ports.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { failureOf } from '../support/failure-of.ts';
import { type Moto, startMoto } from '../support/moto.ts';
import { anIssuerWorld } from './an-issuer-world.ts';

const userName = 'billing-agent';
const block = { type: 'aws-iam', user: `/keyturn/${userName}` };

/** The actions that the block asks for, and no others. */
const actions = Object.values(issuerPermissions(block))
  .flat()
  .flatMap((need) => (need.kind === 'iam' ? need.actions : []));

describe('access keys at moto', () => {
  let moto: Moto;
  let issuer: Issuer;

  beforeAll(async () => {
    // The user, and a user with a key and a policy.
    moto = await startMoto(4);
    const on = { endpoint: moto.endpoint, region: 'us-east-1', maxAttempts: 1 };
    const anyone = new IAMClient({ ...on, credentials: { accessKeyId: 'none', secretAccessKey: 'none' } });
    const allowed = async (UserName: string, Action: readonly string[]) => {
      await anyone.send(new CreateUserCommand({ UserName }));
      const { AccessKey } = await anyone.send(new CreateAccessKeyCommand({ UserName }));
      const PolicyDocument = JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
      });
      await anyone.send(new PutUserPolicyCommand({ UserName, PolicyName: 'rights', PolicyDocument }));
      const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
      return { ...on, credentials: { accessKeyId, secretAccessKey } };
    };
    await anyone.send(new CreateUserCommand({ UserName: userName, Path: '/keyturn/' }));
    const client = await allowed('step', actions);
    const accessKeys = iamAccessKeys({ client, milliseconds: () => 10_000 });
    issuer = connectIssuer(block, anIssuerWorld({ accessKeys }));
  });
  afterAll(() => moto?.stop());

  test('live by the rights that the block asks for, until they are deleted', async () => {
    const { keyId, secret } = await issuer.create({ label: 'any' });
    expect(await issuer.probe(secret, keyId)).toBe('alive');
    expect((await issuer.list()).map((key) => key.keyId)).toEqual([keyId]);
    await issuer.revoke(keyId);
    expect(await issuer.probe(secret, keyId)).toBe('dead');
    expect(await issuer.list()).toEqual([]);
    await issuer.revoke(keyId);
  });

  test('are not dead because a secret is wrong', async () => {
    const { keyId } = await issuer.create({ label: 'any' });
    expect(await issuer.probe(new SecretText('a wrong secret of some length'), keyId)).toBe('unknown');
    await issuer.revoke(keyId);
  });

  test('are two at most, and inactive ones count and are named', async () => {
    const [old, next] = [await issuer.create({ label: 'old' }), await issuer.create({ label: 'next' })];
    await issuer.disable(old.keyId);
    const error = await failureOf(issuer.create({ label: 'third' }));
    expect(error.name).toBe('IssuerRejected');
    expect(error.message).toContain(`${old.keyId} (Inactive)`);
    expect(error.message).toContain(`${next.keyId} (Active)`);
    await issuer.enable(old.keyId);
    await issuer.revoke(old.keyId);
    await issuer.revoke(next.keyId);
  });

  test('are last used by whoever probes them, so that a probe of ours must not count as use', async () => {
    const { keyId, secret } = await issuer.create({ label: 'any' });
    expect(await issuer.lastUse(keyId)).toEqual({ lastUsedAt: null, lastDeniedAt: null });
    await issuer.probe(secret, keyId);
    expect((await issuer.lastUse(keyId)).lastUsedAt).toMatch(/^\d{4}-.*Z$/);
    await issuer.revoke(keyId);
    expect(await failureOf(issuer.lastUse(keyId))).toMatchObject({ name: 'IssuerRejected' });
  });

  test('that are not there cannot be disabled, and the refusal says what to do', async () => {
    const error = await failureOf(issuer.disable('AKIAIOSFODNN7EXAMPLE'));
    expect(error.name).toBe('IssuerRejected');
    expect(error.message).toContain('there is no such user or key');
  });
});
