/** Roles against moto: a second opinion on what IAM answers to GetRole. */
import { CreateRoleCommand, DeleteRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { iamRoles } from '../../lib/aws/iam-roles.ts';
import { rolesContract } from '../contract/roles-contract.ts';
import { type Moto, startMoto } from '../support/moto.ts';

const trust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

let moto: Moto;

beforeAll(async () => {
  // What rights the question needs is tested with the stack's template; here nothing is checked.
  moto = await startMoto(10_000);
});
afterAll(() => moto?.stop());

async function anAccount() {
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  const on = { endpoint: moto.endpoint, region: 'us-east-1', maxAttempts: 1, credentials };
  const client = new IAMClient(on);
  const { Account: account = '' } = await new STSClient(on).send(new GetCallerIdentityCommand());
  return {
    roles: iamRoles(client),
    account,
    make: async (arn: string) => {
      const [, Path = '/', RoleName] = /:role(\/(?:.*\/)?)(.+)$/.exec(arn) ?? [];
      const request = new CreateRoleCommand({ Path, RoleName, AssumeRolePolicyDocument: trust });
      return (await client.send(request)).Role?.RoleId ?? '';
    },
    delete: async (arn: string) => {
      await client.send(new DeleteRoleCommand({ RoleName: arn.split('/').at(-1) }));
    },
  };
}

rolesContract('IAM at moto', anAccount);

it('gives an id of the kind that SQS has in its SenderId', async () => {
  const { make, account } = await anAccount();
  expect(await make(`arn:aws:iam::${account}:role/of-a-kind`)).toMatch(/^AROA[A-Z0-9]{17}$/);
});
