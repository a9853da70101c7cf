/** The rights of a step's role: derived from the port methods it uses and from what its issuers say they need. */
import { Arn, ArnFormat, Stack } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { KeyturnConfig } from '../config/read-config.ts';
import type { PermissionVerb } from '../issuers/define-issuer.ts';
import { issuerPermissions } from '../issuers/index.ts';
import type { Need } from '../plug-ins/need.ts';
import { ledgerTable } from '../rotation/ledger-table.ts';
import type { TargetVerb } from '../targets/define-target.ts';
import { targetPermissions, targetReads } from '../targets/index.ts';
import type { Use } from '../workflow/steps.ts';
import { acknowledgeWildcard, evidence } from './acknowledge.ts';
import { allow } from './handler-function.ts';

/** What rights can be about. */
export interface Grantable {
  readonly table: Table;
  readonly bus: EventBus;
  readonly key: IKey;
  readonly config: KeyturnConfig;
}

/** One statement of a role. */
interface Right {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** Only rows whose partition keys begin like one of these. @default every row */
  readonly partitions?: readonly string[];
  /** Why resources may have wildcards. cdk-nag is told of no others, so it finds a right that has become wider. */
  readonly wildcards?: string;
}

type Rights = (on: Grantable) => readonly Right[];

const encrypt = ['kms:Decrypt', 'kms:GenerateDataKey'];

const right = (actions: readonly string[], resources: readonly string[]): Right => ({ actions, resources });

const rights: Readonly<Record<Use, Rights>> = {
  'ledger.read': ({ table, key }) => [
    right(['dynamodb:GetItem', 'dynamodb:Query'], [table.tableArn]),
    right(['kms:Decrypt'], [key.keyArn]),
  ],
  'ledger.write': ({ table, key }) => [
    right(['dynamodb:PutItem', 'dynamodb:UpdateItem'], [table.tableArn]),
    right(encrypt, [key.keyArn]),
  ],
  'ledger.list': ({ table }) => [right(['dynamodb:Scan'], [table.tableArn])],
  'ledger.due': ({ table }) => [
    right(['dynamodb:Query'], [`${table.tableArn}/index/${ledgerTable.dueIndex.name}`]),
  ],
  'usage.fold': ({ table, key }) => [
    right(['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'], [table.tableArn]),
    // It reads what anybody may send: of rotations and keys it can change nothing.
    {
      ...right(['dynamodb:PutItem', 'dynamodb:UpdateItem'], [table.tableArn]),
      partitions: ['SEEN#*', 'USE#*', 'DAYS#*'],
    },
    right(encrypt, [key.keyArn]),
  ],
  'events.put': ({ bus }) => [right(['events:PutEvents'], [bus.eventBusArn])],
  'secrets.create': (on) => [
    onKeys(['secretsmanager:CreateSecret', 'secretsmanager:TagResource'], on),
    right(encrypt, encryptingKeys(on)),
  ],
  'secrets.put': (on) => [onKeys(['secretsmanager:PutSecretValue'], on), right(encrypt, encryptingKeys(on))],
  'secrets.read': readKeys,
  'secrets.versions': (on) => [onKeys(['secretsmanager:DescribeSecret'], on)],
  'secrets.moveStage': (on) => [onKeys(['secretsmanager:UpdateSecretVersionStage'], on)],
  'issuer.lock': ({ table }) => [right(['dynamodb:DeleteItem'], [table.tableArn])],
  'issuer.create': (on) => issuerNeeds(on, 'create'),
  'issuer.list': (on) => issuerNeeds(on, 'list'),
  'issuer.probe': (on) => issuerNeeds(on, 'probe'),
  'issuer.revoke': (on) => issuerNeeds(on, 'revoke'),
  'issuer.disable': (on) => issuerNeeds(on, 'disable'),
  'issuer.lastUse': (on) => issuerNeeds(on, 'lastUse'),
  'secrets.copy': (on) => (holdsCopies(on) ? readKeys(on) : []),
  'target.deploy': (on) => targetNeeds(on, 'deploy'),
};

export function grant(fn: NodejsFunction, uses: readonly Use[], on: Grantable): void {
  for (const { actions, resources, partitions, wildcards } of uses.flatMap((use) => rights[use](on))) {
    const statement = allow(actions, resources);
    if (partitions) {
      statement.addCondition('ForAllValues:StringLike', { 'dynamodb:LeadingKeys': [...partitions] });
    }
    fn.addToRolePolicy(statement);
    if (wildcards === undefined) continue;
    for (const arn of resources.filter((resource) => resource.includes('*')))
      acknowledgeWildcard(fn.role ?? fn, arn, wildcards);
  }
}

const onKeys = (actions: readonly string[], on: Grantable): Right => ({
  ...right(actions, keySecrets(on)),
  wildcards: evidence.namesMadeLater,
});

/** The secrets that hold keys, by the prefixes that keyturn.yaml declares. */
const keySecrets = ({ table, config }: Grantable): string[] =>
  config.secrets.map(({ prefix }) => secretArn(Stack.of(table), `${prefix}*`));

/** The KMS keys that encrypt these secrets: the stack's own, and those that keyturn.yaml gives to a prefix. */
const encryptingKeys = ({ key, config }: Grantable): string[] => [
  key.keyArn,
  ...new Set(config.secrets.flatMap(({ kmsKeyArn = [] }) => kmsKeyArn)),
];

function readKeys(on: Grantable): readonly Right[] {
  return [onKeys(['secretsmanager:GetSecretValue'], on), right(['kms:Decrypt'], encryptingKeys(on))];
}

/** Targets that learn ids only give nobody a reason to read keys. */
const holdsCopies = ({ config }: Grantable): boolean =>
  Object.values(config.targets).some((block) => targetReads(block) === 'value');

function issuerNeeds(on: Grantable, verb: PermissionVerb): readonly Right[] {
  const needs = Object.values(on.config.issuers).flatMap((block) => issuerPermissions(block)[verb]);
  return statementsOf(Stack.of(on.table), needs);
}

function targetNeeds(on: Grantable, verb: TargetVerb): readonly Right[] {
  const needs = Object.values(on.config.targets).flatMap((block) => targetPermissions(block)[verb]);
  return statementsOf(Stack.of(on.table), needs);
}

/** ARNs in one statement: a policy has room for about 6,000 characters, and CDK splits between statements only. */
const resourcesAtOnce = 40;

/** One statement for the needs of many blocks: a role takes ten policies, which one for each would soon fill. */
function statementsOf(stack: Stack, needs: readonly Need[]): readonly Right[] {
  const needed = needs.map((need) => rightsOf(stack, need));
  return [...Map.groupBy(needed, ({ actions }) => actions.join()).values()].flatMap((alike) => {
    const resources = [...new Set(alike.flatMap((right) => right.resources))];
    const chunks = Array.from({ length: Math.ceil(resources.length / resourcesAtOnce) }, (_, index) =>
      resources.slice(index * resourcesAtOnce, (index + 1) * resourcesAtOnce),
    );
    const actions = alike[0]?.actions ?? [];
    return chunks.map((chunk) => ({ actions, resources: chunk, wildcards: evidence.namesMadeLater }));
  });
}

function rightsOf(stack: Stack, need: Need): Omit<Extract<Need, { kind: 'iam' }>, 'kind'> {
  // Secrets Manager ends a secret's ARN with a dash and six random characters.
  if (need.kind === 'secret-read') {
    const resources = [secretArn(stack, `${need.secret}-??????`)];
    return { actions: ['secretsmanager:GetSecretValue'], resources };
  }
  return { ...need, resources: need.resources.map((resource) => filledIn(stack, resource)) };
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
