/** On what roles have rights: on the stack's own resources, and on what keyturn.yaml declares; on nothing wider. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { aStack, productionYaml, resources } from './a-stack.ts';

const kmsKey = (name: string): string => `arn:aws:kms:eu-west-1:123456789012:key/${name}`;

const everything = productionYaml
  .replace('{ prefix: keys/ }', `{ prefix: keys/ }, { prefix: team/, kmsKeyArn: '${kmsKey('team')}' }`)
  .replace('issuers:', 'issuers:\n  user: { type: aws-iam, user: /keyturn/agent }')
  .replace(
    'credentials:',
    `targets:
  copy: { type: ssm-parameter, name: '/app/\${credential}', kmsKeyArn: '${kmsKey('copy')}' }
  restart: { type: lambda, function: restart-the-app }
  hook: { type: webhook, url: 'https://app.example/hook', signingSecret: hook-secret }
credentials:`,
  )
  .concat("    consumers: [{ name: api, role: 'arn:aws:iam::123456789012:role/team/api' }]\n");

const here = (service: string, rest: string, region = '<AWS::Region>'): string =>
  `arn:<AWS::Partition>:${service}:${region}:<AWS::AccountId>:${rest}`;

/** As they must stand, written out: what the code would make of the file is what is tested. */
const declared: Readonly<Record<string, RegExp>> = {
  [here('secretsmanager', 'secret:keys/*')]: /^secretsmanager:/,
  [here('secretsmanager', 'secret:team/*')]: /^secretsmanager:/,
  [kmsKey('team')]: /^kms:(Decrypt|GenerateDataKey)$/,
  [here('secretsmanager', 'secret:admin/maker-??????')]: /^secretsmanager:GetSecretValue$/,
  [here('secretsmanager', 'secret:admin/killer-??????')]: /^secretsmanager:GetSecretValue$/,
  [here('iam', 'user/keyturn/agent', '')]:
    /^iam:((Create|List|Update|Delete)AccessKeys?|GetAccessKeyLastUsed)$/,
  [here('ssm', 'parameter/app/*')]: /^ssm:(Get|Put)Parameter$/,
  [kmsKey('copy')]: /^kms:(Decrypt|Encrypt)$/,
  'arn:aws:iam::123456789012:role/team/api': /^iam:GetRole$/,
  [here('lambda', 'function:restart-the-app')]: /^lambda:InvokeFunction$/,
  [here('secretsmanager', 'secret:hook-secret-??????')]: /^secretsmanager:GetSecretValue$/,
  // What a consumer of the one credential reads.
  [here('secretsmanager', 'secret:keys/npm-token-??????')]: /^secretsmanager:GetSecretValue$/,
};

/** Names in angle brackets are references, of which `<Keyturn…>` are to the construct's own resources. */
const own: readonly (readonly [resource: RegExp, actions: RegExp])[] = [
  [/^<Keyturn\w+(\.Arn)?>$/, /./],
  [/^<Keyturn\w+\.Arn>:\*$/, /^lambda:InvokeFunction$/],
  [/^<KeyturnLedger\w+\.Arn>\/index\/due$/, /^dynamodb:Query$/],
  [/^<KeyturnAuditBucket\w+\.Arn>\/audit\/\*$/, /^s3:(Get|Put)Object$/],
  [exactly(here('states', 'execution:<NAME>:*')), /^states:DescribeExecution$/],
  [exactly(here('ssm', 'parameter/keyturn/keyturn/installation')), /^ssm:PutParameter$/],
];

function exactly(resource: string): RegExp {
  const escaped = resource.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace('<NAME>', '<KeyturnRotationStateMachine\\w+\\.Name>')}$`);
}

/** These take no resource; log delivery is the state machine's alone. */
const everywhere: readonly (readonly [role: RegExp, actions: RegExp])[] = [
  [/^Keyturn/, /^xray:(PutTraceSegments|PutTelemetryRecords|GetSamplingRules|GetSamplingTargets)$/],
  [
    /^KeyturnRotationStateMachineRole/,
    /^logs:((Create|Get|Update|Delete|List)LogDeliver(y|ies)|(Put|Describe)ResourcePolic(y|ies)|DescribeLogGroups)$/,
  ],
];

const oneOrMany = z.union([z.string(), z.array(z.string())]).transform((some) => [some].flat());
/** Strict: neither a `NotResource` nor a `NotAction` is overlooked. */
const statements = z.object({
  Statement: z.array(
    z.strictObject({
      Effect: z.literal('Allow'),
      Action: oneOrMany,
      Resource: z.unknown().transform((resource) => [resource].flat().map(inWords)),
      // An Allow's condition can only make it narrower.
      Condition: z.unknown().optional(),
    }),
  ),
});
const policy = z.object({ PolicyDocument: statements, Roles: z.array(z.object({ Ref: z.string() })) });
const role = z.object({
  Policies: z.array(z.object({ PolicyDocument: statements })).default([]),
  ManagedPolicyArns: z.array(z.unknown()).default([]),
});
const reference = z.union([
  z.string(),
  z.strictObject({ Ref: z.string() }).transform(({ Ref }) => `<${Ref}>`),
  z
    .strictObject({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) })
    .transform(({ 'Fn::GetAtt': [id, attribute] }) => `<${id}.${attribute}>`),
]);
const joined = z
  .strictObject({ 'Fn::Join': z.tuple([z.literal(''), z.array(reference)]) })
  .transform(({ 'Fn::Join': [, parts] }) => parts.join(''));

/** @throws ZodError for a resource that is neither text, nor a reference, nor both joined. */
function inWords(resource: unknown): string {
  return z.union([reference, joined]).parse(resource);
}

interface Right {
  readonly role: string;
  readonly action: string;
  readonly resource: string;
}

const { template } = aStack(everything);
const all = Object.entries(resources.parse(template.toJSON()['Resources']));

const rights: readonly Right[] = all.flatMap(([id, { Type, Properties }]) => {
  if (Type === 'AWS::IAM::Role') {
    const { Policies } = role.parse(Properties);
    return Policies.flatMap(({ PolicyDocument }) => rightsIn(PolicyDocument, id));
  }
  if (Type !== 'AWS::IAM::Policy' && Type !== 'AWS::IAM::ManagedPolicy') return [];
  const { PolicyDocument, Roles } = policy.parse(Properties);
  return Roles.flatMap(({ Ref }) => rightsIn(PolicyDocument, Ref));
});

function rightsIn({ Statement }: z.output<typeof statements>, of: string): readonly Right[] {
  return Statement.flatMap(({ Action, Resource }) =>
    Action.flatMap((action) => Resource.map((resource) => ({ role: of, action, resource }))),
  );
}

const isExpected = ({ role: of, action, resource }: Right): boolean =>
  resource === '*'
    ? everywhere.some(([roles, actions]) => roles.test(of) && actions.test(action))
    : (Object.hasOwn(declared, resource) && declared[resource]?.test(action)) ||
      own.some(([resources, actions]) => resources.test(resource) && actions.test(action));

const strangers = (among: readonly Right[]): readonly string[] =>
  among.filter((right) => !isExpected(right)).map((right) => Object.values(right).join(' '));

describe('the rights of every role', () => {
  it('are on what keyturn.yaml declares and on the stack’s own resources, and on nothing else', () => {
    const roles = all.filter(([, { Type }]) => Type === 'AWS::IAM::Role').map(([id]) => id);
    expect([...new Set(rights.map((right) => right.role))].sort()).toEqual(roles.sort());
    expect(strangers(rights)).toEqual([]);
  });

  it('are on each of these: nothing is expected in vain', () => {
    const found = new Set(rights.map(({ resource }) => resource));
    expect(Object.keys(declared).filter((resource) => !found.has(resource))).toEqual([]);
    expect(own.filter(([resource]) => ![...found].some((each) => resource.test(each)))).toEqual([]);
  });

  it.each([
    here('secretsmanager', 'secret:*'),
    here('secretsmanager', 'secret:?*'),
    here('secretsmanager', 'secret:key*'),
    here('secretsmanager', 'secret:admin/*'),
    here('dynamodb', 'table/*'),
    '<KeyturnLedgerD32A47DE.Arn>*',
    '<AWS::AccountId>',
    '*',
  ])('would be noticed on %s', (resource) => {
    const planted = rights
      .filter(({ action }) => !/^(xray|logs):/.test(action))
      .map((right) => ({ ...right, resource }));
    expect(strangers(planted)).toHaveLength(planted.length);
  });

  it('come from no policy of AWS’s, but for the function that CDK brings to run the registration', () => {
    const managed = all
      .filter(([, { Type }]) => Type === 'AWS::IAM::Role')
      .map(([id, { Properties }]) => [id, role.parse(Properties).ManagedPolicyArns] as const)
      .filter(([, arns]) => arns.length > 0);
    expect(managed).toEqual([
      [
        expect.stringMatching(/^AWSCDKTrigger/),
        [{ 'Fn::Sub': expect.stringMatching(/:policy\/service-role\/AWSLambdaBasicExecutionRole$/) }],
      ],
    ]);
  });
});
