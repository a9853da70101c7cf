/** The parameter target with its real client, on a fake of Parameter Store. */
import { describe, expect, test } from 'vitest';
import { ssmParameters } from '../../lib/aws/ssm-parameters.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { connectTarget, targetBlockSchema, targetPermissions, targetReads } from '../../lib/targets/index.ts';
import { aDeployment, targetContract } from '../contract/target-contract.ts';
import { parameterStore } from '../fakes/ssm-parameter-target.ts';
import { failureOf } from '../support/failure-of.ts';
import { SENTINEL } from '../support/sentinel.ts';
import { aTargetWorld } from './a-target-world.ts';

const block = { type: 'ssm-parameter', name: '/app/${credential}/key' };
const name = '/app/billing-agent/key';

function aTarget(change: Readonly<Record<string, unknown>> = {}) {
  const store = parameterStore();
  const world = aTargetWorld({ parameters: ssmParameters(store.client) });
  return { store, target: connectTarget({ ...block, ...change }, world) };
}

targetContract('ssm-parameter', async () => {
  const { store, target } = aTarget();
  return {
    target,
    reads: targetReads(block),
    holds: () => store.parameters.get(name)?.value,
    state: () => [...store.parameters].map(([at, { version }]) => [at, version]),
    sent: () => store.calls,
    fail: store.fail,
  };
});

describe('what is written', () => {
  test('the secret part, encrypted with the account’s own key, under the name of the credential', async () => {
    const { store, target } = aTarget();
    await target.deploy(aDeployment(1));
    const [[at, parameter] = []] = store.parameters;
    expect(at).toBe(name);
    expect(parameter).toEqual({
      type: 'SecureString',
      tier: 'Standard',
      version: 1,
      value: `${SENTINEL}-generation-1`,
    });
  });

  test('the whole text, and with a key of the team, when the block says so', async () => {
    const kmsKeyArn = 'arn:aws:kms:eu-central-1:123456789012:key/1';
    const { store, target } = aTarget({ value: 'text', kmsKeyArn });
    await target.deploy(aDeployment(1));
    const written = store.parameters.get(name);
    expect(JSON.parse(`${written?.value}`)).toEqual({ apiKey: `${SENTINEL}-generation-1` });
    expect(written?.keyId).toBe(kmsKeyArn);
  });

  test('nothing when the parameter has this value already', async () => {
    const { store, target } = aTarget();
    await target.deploy(aDeployment(1));
    await target.deploy(aDeployment(1));
    expect(store.calls).toEqual(['GetParameter', 'PutParameter', 'GetParameter']);
  });
});

describe('what is refused for good', () => {
  test('a plain parameter of that name, even one with this value', async () => {
    const { store, target } = aTarget();
    store.parameters.set(name, { type: 'String', value: `${SENTINEL}-generation-1`, version: 1 });
    const failure = await failureOf(target.deploy(aDeployment(1)));
    expect(failure).toMatchObject({
      name: 'TargetRejected',
      message: expect.stringMatching(/parameter of another type: delete it/),
    });
  });

  test('a value that no standard parameter can hold, before it is sent', async () => {
    const { store, target } = aTarget();
    const secret = new SecretText(`${SENTINEL}${'x'.repeat(4096)}`);
    const failure = await failureOf(
      target.deploy({ ...aDeployment(1), read: async () => ({ secret, text: secret }) }),
    );
    expect(failure.name).toBe('TargetRejected');
    expect(failure.message).toContain(`${SENTINEL.length + 4096} bytes long`);
    expect(store.calls).toEqual([]);
  });

  test('an advanced parameter, without a word of the message that quotes the key', async () => {
    const { store, target } = aTarget();
    store.parameters.set(name, { type: 'SecureString', value: 'old', version: 1, tier: 'Advanced' });
    const failure = await failureOf(target.deploy(aDeployment(1)));
    expect(failure).toMatchObject({
      name: 'TargetRejected',
      message: expect.stringMatching(/ValidationException.*Advanced/),
    });
  });

  test('a parameter whose oldest version cannot go', async () => {
    const { store, target } = aTarget();
    store.parameters.set(name, { type: 'SecureString', value: 'old', version: 100, labelled: 1 });
    const failure = await failureOf(target.deploy(aDeployment(1)));
    expect(failure).toMatchObject({
      name: 'TargetRejected',
      message: expect.stringMatching(/take the label off/),
    });
  });
});

test.each([
  [400, 'ThrottlingException'],
  [400, 'TooManyUpdates'],
  [500, 'InternalServerError'],
])('%i %s is worth another try', async (status, error) => {
  const { store, target } = aTarget();
  store.refuseNext(status, error);
  const failure = await failureOf(target.deploy(aDeployment(1)));
  expect(failure).toMatchObject({ name: 'TargetUnavailable' });
  await target.deploy(aDeployment(1));
  expect(store.parameters.get(name)?.version).toBe(1);
});

test('a check looks without decrypting', async () => {
  const { store, target } = aTarget();
  await target.check();
  expect(store.calls).toEqual(['GetParameter']);
});

describe('the block', () => {
  test.each([
    ['without a slash', 'app/key'],
    ['beginning with what AWS keeps for itself', '/aws/key'],
    ['beginning with what AWS keeps for itself, in capitals', '/SSM-keys/key'],
    ["beginning with what is keyturn's own", '/keyturn/prod/table'],
    ['whose first part could be anything', '/${credential}/key'],
    ['whose first part could be more than it says', '/app-${credential}'],
    ['that is an ARN', 'arn:aws:ssm:eu-central-1:123456789012:parameter/app/key'],
    ['with a wildcard', '/app/*'],
    ['with an empty part', '/app//key'],
    ['with another variable', '/app/${key.id}'],
    ['with 16 parts', '/a'.repeat(16)],
  ])('is refused with a name %s', (_what, wrong) => {
    expect(targetBlockSchema.safeParse({ ...block, name: wrong }).success).toBe(false);
  });

  test.each(['/app', '/keyturn', '/keyturn-copies/${credential}', '/app/${credential}-key'])(
    'takes the name %s',
    (right) => {
      expect(targetBlockSchema.safeParse({ ...block, name: right }).success).toBe(true);
    },
  );

  test.each([
    'arn:aws:kms:*:*:key/*',
    'arn:aws:kms:eu-central-1:123456789012:key/*',
    'arn:aws:kms:eu-central-1:123456789012:alias/app',
  ])('is refused with %s for its KMS key', (kmsKeyArn) => {
    expect(targetBlockSchema.safeParse({ ...block, kmsKeyArn }).success).toBe(false);
  });

  test('names all its parameters in its rights, and the KMS key only if it has one', () => {
    const resources = ['arn:${Partition}:ssm:${Region}:${Account}:parameter/app/*/key'];
    expect(targetPermissions(block)).toEqual({
      deploy: [{ kind: 'iam', actions: ['ssm:GetParameter', 'ssm:PutParameter'], resources }],
      check: [{ kind: 'iam', actions: ['ssm:GetParameter'], resources }],
    });
    const kmsKeyArn = 'arn:aws:kms:eu-central-1:123456789012:key/1';
    expect(targetPermissions({ ...block, kmsKeyArn }).deploy).toContainEqual({
      kind: 'iam',
      actions: ['kms:Decrypt', 'kms:Encrypt'],
      resources: [kmsKeyArn],
    });
  });
});
