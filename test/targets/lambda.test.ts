/** The Lambda target with its real client, on a fake of one function: called with ids, and restarted. */
import { describe, expect, test } from 'vitest';
import { lambdaFunctions } from '../../lib/aws/lambda-functions.ts';
import { connectTarget, targetBlockSchema, targetPermissions, targetReads } from '../../lib/targets/index.ts';
import { aDeployment, targetContract } from '../contract/target-contract.ts';
import { teamFunction } from '../fakes/lambda-target.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import { failureOf } from '../support/failure-of.ts';
import { aTargetWorld } from './a-target-world.ts';

const called = { type: 'lambda', function: 'on-key-promoted', action: 'invoke' };
const restarted = { ...called, action: 'restart' };
const variable = 'KEYTURN_VERSION_BILLING_AGENT';

function aTarget(block: Readonly<Record<string, unknown>>) {
  const place = teamFunction();
  const world = aTargetWorld({ functions: lambdaFunctions(place.client) });
  return { place, world, target: connectTarget(block, world) };
}

const errorNames = (...names: readonly string[]) => expect.stringMatching(new RegExp(names.join('.*')));

targetContract('lambda, called', async () => {
  const { place, target } = aTarget(called);
  return {
    target,
    reads: targetReads(called),
    holds: () => place.handled.at(-1),
    state: () => [...place.handled],
    sent: () => place.requests,
    fail: place.fail,
  };
});

targetContract('lambda, restarted', async () => {
  const { place, target } = aTarget(restarted);
  return {
    target,
    reads: targetReads(restarted),
    holds: () => place.environment()[variable],
    state: () => place.updates(),
    // The function's own variables are secrets, and go back to it as they were.
    sent: () => place.environment()[variable],
    fail: place.fail,
  };
});

describe('a function that is called', () => {
  test('gets the ids of the key, and its value never', async () => {
    const { place, target } = aTarget(called);
    await target.deploy(aDeployment(2));
    const [request] = place.requests;
    expect(request?.body).toEqual({
      schemaVersion: 1,
      type: 'Key Promoted',
      credential: 'billing-agent',
      rotationId: '00000000-0000-5000-8000-000000000002',
      generation: 2,
      keyId: 'key_2',
      secret: 'keyturn/prod/billing-agent',
      versionId: '11111111-1111-5111-8111-111111111112',
    });
    expect(request?.headers['x-amz-invocation-type']).toBe('RequestResponse');
    expectNoSecret(place.requests);
  });

  test('that fails is called again later, and what it said is not quoted', async () => {
    const { place, target } = aTarget(called);
    place.crash();
    const failure = await failureOf(target.deploy(aDeployment(1)));
    expect(failure).toMatchObject({
      name: 'TargetUnavailable',
      message: 'function on-key-promoted failed with ConnectionRefused: see its log',
    });
  });

  test('is not waited for longer than the step can', async () => {
    const { place, world } = aTarget(called);
    const target = connectTarget(called, { ...world, deadline: () => world.clock.now() });
    const failure = await failureOf(target.deploy(aDeployment(1)));
    expect(failure).toMatchObject({ name: 'TargetUnavailable', message: errorNames('no time left') });
    expect(place.requests).toEqual([]);
  });

  test('is checked without being run', async () => {
    const { place, target } = aTarget(called);
    await target.check();
    expect(place.requests.map(({ headers }) => headers['x-amz-invocation-type'])).toEqual(['DryRun']);
    expect(place.handled).toEqual([]);
  });

  test('and does not exist is refused for good', async () => {
    const { target } = aTarget({ ...called, function: 'no-such-function' });
    const expected = { name: 'TargetRejected', message: errorNames('no-such-function', 'keyturn.yaml') };
    expect(await failureOf(target.deploy(aDeployment(1)))).toMatchObject(expected);
    expect(await failureOf(target.check())).toMatchObject(expected);
  });

  test.each([
    [429, 'TooManyRequestsException'],
    [409, 'ResourceConflictException'],
    [502, 'EC2ThrottledException'],
  ])('and answers %i %s is worth another try', async (status, error) => {
    const { place, target } = aTarget(called);
    place.refuseNext(status, error);
    expect(await failureOf(target.deploy(aDeployment(1)))).toMatchObject({ name: 'TargetUnavailable' });
    await target.deploy(aDeployment(1));
    expect(place.handled).toHaveLength(1);
  });
});

describe('a function that is restarted', () => {
  test('gets one variable with the version’s id, and keeps its others', async () => {
    const { place, target } = aTarget(restarted);
    const before = place.environment();
    await target.deploy(aDeployment(1));
    const { [variable]: version, ...others } = place.environment();
    expect(version).toBe('11111111-1111-5111-8111-111111111111');
    expect(JSON.stringify(others) === JSON.stringify(before)).toBe(true);
  });

  test('by two credentials is restarted once for each', async () => {
    const { place, target } = aTarget(restarted);
    for (const credentialId of ['billing-agent', 'mail-agent', 'billing-agent', 'mail-agent']) {
      await target.deploy({ ...aDeployment(1), credentialId });
    }
    expect(place.updates()).toBe(2);
  });

  test('whose last update failed is restarted again', async () => {
    const { place, target } = aTarget(restarted);
    await target.deploy(aDeployment(1));
    place.failLastUpdate();
    await target.deploy(aDeployment(1));
    await target.deploy(aDeployment(1));
    expect(place.updates()).toBe(2);
  });

  test('is left alone when its variables cannot be read, since they would be lost', async () => {
    const { place, target } = aTarget(restarted);
    place.hideEnvironment();
    const failure = await failureOf(target.deploy(aDeployment(1)));
    expect(failure).toMatchObject({
      name: 'TargetRejected',
      message: errorNames('cannot be decrypted', 'KMS'),
    });
    expect(place.updates()).toBe(0);
  });

  test('is left alone when somebody changes it meanwhile, and restarted at the next try', async () => {
    const { place, target } = aTarget(restarted);
    place.changeMeanwhile();
    expect(await failureOf(target.deploy(aDeployment(1)))).toMatchObject({ name: 'TargetUnavailable' });
    expect(place.updates()).toBe(0);
    await target.deploy(aDeployment(1));
    expect(place.updates()).toBe(1);
  });
});

describe('the block', () => {
  const arn = 'arn:aws:lambda:eu-central-1:123456789012:function:on-key-promoted';

  test.each([
    ['a name', 'on-key-promoted'],
    ['an ARN', arn],
    ['the ARN of an alias', `${arn}:live`],
  ])('takes %s', (_what, name) => {
    expect(targetBlockSchema.safeParse({ type: 'lambda', function: name }).success).toBe(true);
  });

  test.each([
    ['a name with an alias, which no right could be given on', 'on-key-promoted:live'],
    ['the ARN of something else', 'arn:aws:sqs:eu-central-1:123456789012:queue'],
  ])('refuses %s', (_what, name) => {
    expect(targetBlockSchema.safeParse({ type: 'lambda', function: name }).success).toBe(false);
  });

  test('refuses to restart an alias, which a new environment never reaches', () => {
    const { error } = targetBlockSchema.safeParse({ ...restarted, function: `${arn}:live` });
    expect(error?.issues).toMatchObject([{ path: ['function'], message: errorNames('\\$LATEST') }]);
  });

  test('names the one function in its rights, and only what its action takes', () => {
    const resources = ['arn:${Partition}:lambda:${Region}:${Account}:function:on-key-promoted'];
    expect(targetPermissions(called)).toEqual({
      deploy: [{ kind: 'iam', actions: ['lambda:InvokeFunction'], resources }],
      check: [{ kind: 'iam', actions: ['lambda:InvokeFunction'], resources }],
    });
    expect(targetPermissions({ ...restarted, function: arn })).toEqual({
      deploy: [
        {
          kind: 'iam',
          actions: ['lambda:GetFunctionConfiguration', 'lambda:UpdateFunctionConfiguration'],
          resources: [arn],
        },
      ],
      check: [{ kind: 'iam', actions: ['lambda:GetFunctionConfiguration'], resources: [arn] }],
    });
  });
});
