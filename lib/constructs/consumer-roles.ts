/** The right to look at the roles that consumers report as. */
import { Arn, ArnFormat, Stack, Token } from 'aws-cdk-lib';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { KeyturnConfig } from '../config/read-config.ts';
import { acknowledgeWildcard, evidence } from './acknowledge.ts';
import { allow } from './handler-function.ts';

/** ARNs that fit into the policy beside the function's other rights: it has room for about 6,000 characters. */
const namedAtMost = 40;

/** On the roles by name while they are few, else on all roles of the account; on none where none is to be asked for. */
export function grantRoleLookup(
  fn: NodejsFunction,
  { credentials }: Pick<KeyturnConfig, 'credentials'>,
): void {
  const stack = Stack.of(fn);
  const roles = rolesToAskFor(credentials).filter((arn) => isOfAccount(stack, arn));
  if (roles.length === 0) return;
  if (roles.length <= namedAtMost) {
    fn.addToRolePolicy(allow(['iam:GetRole'], roles));
    return;
  }
  const all = Arn.format(
    {
      service: 'iam',
      region: '',
      resource: 'role',
      resourceName: '*',
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    },
    stack,
  );
  fn.addToRolePolicy(allow(['iam:GetRole'], [all]));
  acknowledgeWildcard(fn.role ?? fn, all, evidence.moreRolesThanFit);
}

const rolesToAskFor = (credentials: KeyturnConfig['credentials']): readonly string[] => [
  ...new Set(
    Object.values(credentials).flatMap(({ consumers }) =>
      consumers.flatMap(({ role, roleId }) => (role === undefined || roleId !== undefined ? [] : [role])),
    ),
  ),
];

/** IAM tells of no other account's roles. A stack for any account finds out when it is deployed. */
const isOfAccount = ({ account }: Stack, arn: string): boolean =>
  Token.isUnresolved(account) || arn.split(':')[4] === account;
