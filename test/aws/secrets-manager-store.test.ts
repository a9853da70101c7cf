/** What the contract kit cannot bring about: lost answers and secrets that wait for their deletion. */
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  InvalidParameterException,
  InvalidRequestException,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { adminSecrets } from '../../lib/aws/admin-secrets.ts';
import { secretsManagerStore } from '../../lib/aws/secrets-manager-store.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import { SENTINEL } from '../support/sentinel.ts';

const secretsManager = mockClient(SecretsManagerClient);
const client = new SecretsManagerClient({ region: 'us-east-1' });
const store = secretsManagerStore({ client, kmsKeyId: 'alias/keyturn' });
const name = 'keyturn/demo/billing-agent';
const newSecret = {
  name,
  token: 'token',
  placeholder: 'keyturn:key-not-issued',
  credentialId: 'billing-agent',
};
const refusal = { message: 'refused', $metadata: {} };

beforeEach(() => {
  secretsManager.reset();
});

describe('the Secrets Manager store', () => {
  it('makes a secret with its key, its tag and the token as version id', async () => {
    secretsManager.on(CreateSecretCommand).resolves({});
    await store.create(newSecret);
    expect(secretsManager.commandCalls(CreateSecretCommand)[0]?.args[0].input).toEqual({
      Name: name,
      ClientRequestToken: 'token',
      KmsKeyId: 'alias/keyturn',
      SecretString: 'keyturn:key-not-issued',
      Tags: [{ Key: 'keyturn:credential', Value: 'billing-agent' }],
    });
  });

  it('says what to do about a secret that waits for its deletion', async () => {
    const waits = new InvalidRequestException({
      ...refusal,
      message:
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
    });
    secretsManager.on(CreateSecretCommand).rejects(waits);
    secretsManager.on(DescribeSecretCommand).resolves({ DeletedDate: new Date() });
    const expected = {
      name: 'InvalidInput',
      message: expect.stringContaining(`restore-secret --secret-id ${name}`),
    };
    await expect(store.create(newSecret)).rejects.toMatchObject({ ...expected, cause: waits });
    await expect(store.versions(name)).rejects.toMatchObject(expected);
  });

  it('passes any other refusal on', async () => {
    const error = new InvalidRequestException(refusal);
    secretsManager.on(PutSecretValueCommand).rejects(error);
    await expect(store.put(name, 'v1', new SecretText(SENTINEL), 'keyturn-1')).rejects.toBe(error);
  });

  it('takes a move for done when its answer was lost and AWSCURRENT is where it should be', async () => {
    secretsManager.on(UpdateSecretVersionStageCommand).rejects(new InvalidParameterException(refusal));
    secretsManager
      .on(DescribeSecretCommand)
      .resolves({ VersionIdsToStages: { v1: ['AWSPREVIOUS'], v2: ['AWSCURRENT'] } });
    await expect(store.moveCurrent(name, { from: 'v1', to: 'v2' })).resolves.toBeUndefined();
  });

  it('passes on a refused move that has another reason', async () => {
    const error = new InvalidParameterException(refusal);
    secretsManager.on(UpdateSecretVersionStageCommand).rejects(error);
    secretsManager.on(DescribeSecretCommand).resolves({ VersionIdsToStages: { v1: ['AWSCURRENT'] } });
    await expect(store.moveCurrent(name, { from: 'v1', to: 'v2' })).rejects.toBe(error);
  });

  it('refuses a binary value', async () => {
    secretsManager.on(GetSecretValueCommand).resolves({ SecretBinary: new Uint8Array([1]) });
    await expect(store.read(name, 'v1')).rejects.toMatchObject({ name: 'InvalidInput' });
  });
});

describe('admin secrets', () => {
  const read = adminSecrets(client);
  const refusalOf = async (SecretString: string): Promise<unknown> => {
    secretsManager.on(GetSecretValueCommand).resolves({ SecretString });
    return read('admin').then(
      () => undefined,
      (error: unknown) => error,
    );
  };

  it('are read as fields that cannot be printed', async () => {
    secretsManager.on(GetSecretValueCommand).resolves({ SecretString: JSON.stringify({ token: SENTINEL }) });
    const fields = await read('admin');
    expect(fields['token']?.reveal()).toBe(SENTINEL);
    expectNoSecret(fields);
  });

  it.each([
    ['no JSON', SENTINEL],
    ['a list', JSON.stringify([SENTINEL])],
    ['a text', JSON.stringify(SENTINEL)],
    ['null', 'null'],
    ['a field that is no text', JSON.stringify({ token: { value: SENTINEL } })],
  ])('are refused when they hold %s, without a word of it', async (_what, text) => {
    const error = await refusalOf(text);
    expect(error).toMatchObject({ name: 'InvalidInput' });
    expectNoSecret(error);
  });

  it('are asked for when they are missing', async () => {
    secretsManager.on(GetSecretValueCommand).rejects(new ResourceNotFoundException(refusal));
    await expect(read('admin')).rejects.toThrow('there is no admin secret admin: create it');
  });
});
