/** What IAM is asked about a role, and which of its refusals is an answer. */
import { GetRoleCommand, IAMClient, NoSuchEntityException } from '@aws-sdk/client-iam';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { iamRoles } from '../../lib/aws/iam-roles.ts';
import { failureOf } from '../support/failure-of.ts';

const iam = mockClient(IAMClient);
const roles = iamRoles(new IAMClient({ region: 'us-east-1' }));
const arn = 'arn:aws:iam::123456789012:role/team/billing/api';
const role = {
  Path: '/team/billing/',
  RoleName: 'api',
  RoleId: 'AROADBQP57FF2AEXAMPLE',
  CreateDate: undefined,
};

beforeEach(() => {
  iam.reset();
});

describe('roles of IAM', () => {
  it('are asked for by their bare name', async () => {
    iam.on(GetRoleCommand).resolves({ Role: { ...role, Arn: arn } });
    expect(await roles.idOf(arn)).toBe('AROADBQP57FF2AEXAMPLE');
    expect(iam.commandCalls(GetRoleCommand).map(({ args }) => args[0].input)).toEqual([{ RoleName: 'api' }]);
  });

  it('are other roles when IAM answers with another ARN', async () => {
    iam.on(GetRoleCommand).resolves({ Role: { ...role, Arn: 'arn:aws:iam::123456789012:role/api' } });
    expect(await roles.idOf(arn)).toBeNull();
  });

  it('have no id when IAM knows none of the name', async () => {
    iam.on(GetRoleCommand).rejects(new NoSuchEntityException({ message: 'none', $metadata: {} }));
    expect(await roles.idOf(arn)).toBeNull();
  });

  it('are not known when IAM refuses the question, and what to do is said', async () => {
    const denied = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
    iam.on(GetRoleCommand).rejects(Object.assign(new Error('no'), denied));
    const { message } = await failureOf(roles.idOf(arn));
    expect(message).toContain(`iam:GetRole of ${arn} was refused with AccessDenied: `);
    expect(message).toContain('give `roleId` for a role of another account');
  });

  it('are not known when IAM is throttled', async () => {
    const throttled = { name: 'Throttling', $metadata: { httpStatusCode: 400 } };
    iam.on(GetRoleCommand).rejects(Object.assign(new Error('slow down'), throttled));
    expect((await failureOf(roles.idOf(arn))).message).toBe(
      `iam:GetRole of ${arn} gave no answer to go by: Throttling`,
    );
  });
});
