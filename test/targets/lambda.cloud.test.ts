/** The Lambda target against functions that run on the local cloud, where each call is a real one. */
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { beforeAll, describe, expect, test } from 'vitest';
import { lambdaFunctions } from '../../lib/aws/lambda-functions.ts';
import { connectTarget } from '../../lib/targets/index.ts';
import { aDeployment } from '../contract/target-contract.ts';
import { failureOf } from '../support/failure-of.ts';
import { aNewName, sharedCloud } from '../support/shared-cloud.ts';
import { aTargetWorld } from './a-target-world.ts';

/** A ZIP of an `index.js` that throws for generation 9 and else returns. */
const code = Buffer.from(
  'UEsDBBQAAAAAAAAAIVyF+44yYgAAAGIAAAAIAAAAaW5kZXguanNleHBvcnRzLmhhbmRsZXIgPSBhc3luYyAoeyBnZW5lcmF0aW9uIH0pID0+IHsgaWYgKGdlbmVyYXRpb24gPT09IDkpIHRocm93IG5ldyBUeXBlRXJyb3IoJ25vJyk7IH07ClBLAQIUAxQAAAAAAAAAIVyF+44yYgAAAGIAAAAIAAAAAAAAAAAAAACkAQAAAABpbmRleC5qc1BLBQYAAAAAAQABADYAAACIAAAAAAA=',
  'base64',
);

describe('a function on the local cloud', () => {
  const config = sharedCloud();
  const name = aNewName('team');
  let client: LambdaClient;
  const targetThat = (action: 'invoke' | 'restart', called = name) =>
    connectTarget(
      { type: 'lambda', function: called, action },
      aTargetWorld({ functions: lambdaFunctions(client) }),
    );

  beforeAll(async () => {
    client = new LambdaClient(config());
    const { Role } = await new IAMClient(config()).send(
      new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) }),
    );
    await client.send(
      new CreateFunctionCommand({
        FunctionName: name,
        Role: Role?.Arn,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Code: { ZipFile: code },
        Environment: { Variables: { REGION_OF_TEAM: 'north' } },
      }),
    );
    await waitUntilFunctionActiveV2({ client, maxWaitTime: 60 }, { FunctionName: name });
  });

  test('is called, and its failure is worth another try', async () => {
    const target = targetThat('invoke');
    await target.check();
    await target.deploy(aDeployment(1));
    expect(await failureOf(target.deploy(aDeployment(9)))).toMatchObject({
      name: 'TargetUnavailable',
      message: expect.stringContaining('failed with TypeError'),
    });
  });

  test('is restarted once for a version, and keeps its other variables', async () => {
    const target = targetThat('restart');
    await target.check();
    await target.deploy(aDeployment(1));
    const once = await client.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    await target.deploy(aDeployment(1));
    const twice = await client.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    expect(once.Environment?.Variables).toEqual({
      REGION_OF_TEAM: 'north',
      KEYTURN_VERSION_BILLING_AGENT: aDeployment(1).versionId,
    });
    expect(twice.RevisionId).toBe(once.RevisionId);
  });

  test.each(['invoke', 'restart'] as const)('that does not exist is a refusal to %s', async (action) => {
    const target = targetThat(action, 'no-such-function');
    expect(await failureOf(target.deploy(aDeployment(1)))).toMatchObject({ name: 'TargetRejected' });
    expect(await failureOf(target.check())).toMatchObject({ name: 'TargetRejected' });
  });
});

const trust = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};
