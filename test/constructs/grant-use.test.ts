/** Who can be given the use of a credential, and what is said of those who cannot. */
import { Stack } from 'aws-cdk-lib';
import {
  AccountPrincipal,
  AccountRootPrincipal,
  ArnPrincipal,
  type IGrantable,
  Role,
  ServicePrincipal,
  User,
} from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../lib/rotation/errors.ts';
import { aStack, keyturnYaml } from './a-stack.ts';

const account = '123456789012';
const roleArn = `arn:aws:iam::${account}:role/theirs`;

/** @returns in how many statements of the template the consumer that `consumerIn` makes may read its secret. */
function granted(consumerIn: (stack: Stack) => IGrantable): number {
  const { template } = aStack(keyturnYaml, {}, consumerIn);
  return JSON.stringify(template.toJSON()).split('secret:keys/npm-token-??????').length - 1;
}

const assumedBy = new ServicePrincipal('lambda.amazonaws.com');

describe('the use of a credential', () => {
  it.each<[string, (stack: Stack) => IGrantable]>([
    ['a role', (stack) => new Role(stack, 'Consumer', { assumedBy })],
    ['a user', (stack) => new User(stack, 'Consumer')],
    ['an imported role', (stack) => Role.fromRoleArn(stack, 'Consumer', roleArn)],
  ])('is given to %s', (_who, consumerIn) => {
    expect(granted(consumerIn)).toBe(1);
  });

  it.each<[string, (stack: Stack) => IGrantable]>([
    ['an account', () => new AccountPrincipal(account)],
    ['the own account', () => new AccountRootPrincipal()],
    ['an ARN', () => new ArnPrincipal(roleArn)],
    ['a service', () => assumedBy],
    ['an immutable role', (stack) => Role.fromRoleArn(stack, 'Consumer', roleArn, { mutable: false })],
    [
      'an immutable role with grants to resources',
      (stack) => Role.fromRoleArn(stack, 'Consumer', roleArn, { mutable: false, addGrantsToResources: true }),
    ],
    [
      'a role of another account',
      (stack) => {
        const ours = new Stack(stack, 'Ours', { env: { account: '210987654321' } });
        return Role.fromRoleArn(ours, 'Consumer', roleArn);
      },
    ],
    ['a role without updates', (stack) => new Role(stack, 'Consumer', { assumedBy }).withoutPolicyUpdates()],
  ])('is refused, with what to add by hand, to %s, to which nothing can be added', (_who, consumerIn) => {
    const give = () => granted(consumerIn);
    expect(give).toThrow(InvalidInput);
    expect(give).toThrow(
      /cannot be given the use of credential "npm-token".*add by hand:\nsecretsmanager:GetSecretValue on arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:keys\/npm-token-\?{6}\nsqs:SendMessage on <KeyturnUsage\w+\.Arn>\nkms:Decrypt, kms:GenerateDataKey on <KeyturnKey\w+\.Arn>$/,
    );
  });

  it('is reported, not refused, where the app writes down its roles for others to make', () => {
    expect(() =>
      granted((stack) => {
        const part = new Construct(stack, 'Part');
        Role.customizeRoles(part, { usePrecreatedRoles: { 'keyturn/Part/Consumer': 'theirs' } });
        return new Role(part, 'Consumer', { assumedBy });
      }),
    ).not.toThrow();
  });
});
