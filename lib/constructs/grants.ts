/** The rights of a step's role: derived from the port methods it uses and from what its issuers say they need. */
import { Arn, ArnFormat, Stack } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { KeyturnConfig } from '../config/keyturn-file.ts';
import type { Need, PermissionVerb } from '../issuers/define-issuer.ts';
import { issuerPermissions } from '../issuers/index.ts';
import type { Use } from '../workflow/steps.ts';
import { allow } from './handler-function.ts';

/** What rights can be about. */
export interface Grantable {
  readonly table: Table;
  readonly bus: EventBus;
  readonly key: IKey;
  readonly config: KeyturnConfig;
}

type Rights = (on: Grantable) => readonly PolicyStatement[];

const encrypt = ['kms:Decrypt', 'kms:GenerateDataKey'];

const rights: Readonly<Record<Use, Rights>> = {
  'ledger.read': ({ table, key }) => [
    allow(['dynamodb:GetItem', 'dynamodb:Query'], [table.tableArn, `${table.tableArn}/index/*`]),
    allow(['kms:Decrypt'], [key.keyArn]),
  ],
  'ledger.write': ({ table, key }) => [
    allow(['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'], [table.tableArn]),
    allow(encrypt, [key.keyArn]),
  ],
  'events.put': ({ bus }) => [allow(['events:PutEvents'], [bus.eventBusArn])],
  'secrets.create': (on) => [
    allow(['secretsmanager:CreateSecret', 'secretsmanager:TagResource'], keySecrets(on)),
    allow(encrypt, [on.key.keyArn]),
  ],
  'secrets.put': (on) => [
    allow(['secretsmanager:PutSecretValue'], keySecrets(on)),
    allow(encrypt, [on.key.keyArn]),
  ],
  'secrets.read': (on) => [
    allow(['secretsmanager:GetSecretValue'], keySecrets(on)),
    allow(['kms:Decrypt'], [on.key.keyArn]),
  ],
  'secrets.versions': (on) => [allow(['secretsmanager:DescribeSecret'], keySecrets(on))],
  'secrets.moveStage': (on) => [allow(['secretsmanager:UpdateSecretVersionStage'], keySecrets(on))],
  'issuer.create': (on) => issuerNeeds(on, 'create'),
  'issuer.list': (on) => issuerNeeds(on, 'list'),
  'issuer.probe': (on) => issuerNeeds(on, 'probe'),
  'issuer.revoke': (on) => issuerNeeds(on, 'revoke'),
};

export function grant(fn: NodejsFunction, uses: readonly Use[], on: Grantable): void {
  for (const statement of uses.flatMap((use) => rights[use](on))) fn.addToRolePolicy(statement);
}

/** The secrets that hold keys, by the prefixes that keyturn.yaml declares. */
const keySecrets = ({ table, config }: Grantable): string[] =>
  config.secrets.map(({ prefix }) => secretArn(Stack.of(table), `${prefix}*`));

function issuerNeeds(on: Grantable, verb: PermissionVerb): readonly PolicyStatement[] {
  return Object.values(on.config.issuers)
    .flatMap((block) => issuerPermissions(block)[verb])
    .map((need) => statementOf(Stack.of(on.table), need));
}

function statementOf(stack: Stack, need: Need): PolicyStatement {
  // Secrets Manager ends a secret's ARN with a dash and six random characters.
  if (need.kind === 'secret-read') {
    return allow(['secretsmanager:GetSecretValue'], [secretArn(stack, `${need.secret}-??????`)]);
  }
  return allow(
    need.actions,
    need.resources.map((resource) => filledIn(stack, resource)),
  );
}

const filledIn = (stack: Stack, resource: string): string =>
  resource
    .replaceAll('${Partition}', stack.partition)
    .replaceAll('${Region}', stack.region)
    .replaceAll('${Account}', stack.account);

export const secretArn = (stack: Stack, resourceName: string): string =>
  Arn.format(
    { service: 'secretsmanager', resource: 'secret', resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME },
    stack,
  );
