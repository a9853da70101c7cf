/** A synthesized keyturn for tests of its template, without bundling, and a way to read a function's rights. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AccountRootPrincipal, type IGrantable, Role } from 'aws-cdk-lib/aws-iam';
import * as z from 'zod';
import { Keyturn, type KeyturnProps } from '../../lib/constructs/keyturn.ts';

/** An issuer whose admin rights are split in two secrets, so that a test sees which role reads which. */
export const keyturnYaml = `
mode: demo
secrets: [{ prefix: keys/ }]
issuers:
  registry:
    type: http
    baseUrl: http://127.0.0.1:4873
    admin: { create: admin/maker, revoke: admin/killer }
    exclusive: true
    capabilities: { named: false, maxLiveKeys: 10, createLag: 1s, revokeLag: 2s, probes: 3 }
    requests:
      create:
        method: POST
        path: /tokens
        headers: { authorization: 'Bearer \${admin.token}' }
        answer: { keyId: key, secret: token }
      list:
        method: GET
        path: /tokens
        headers: { authorization: 'Bearer \${admin.token}' }
        answer: { keys: objects, keyId: key }
      revoke:
        method: DELETE
        path: '/tokens/\${key.id}'
        headers: { authorization: 'Bearer \${admin.token}' }
      probe:
        method: GET
        path: /whoami
        headers: { authorization: 'Bearer \${key.secret}' }
        rules: [{ status: 200, then: alive }, { status: 403, then: dead }]
credentials:
  npm-token:
    issuer: registry
    owner: { name: platform }
    policy: { rotateEvery: 30d, grace: { min: 10s, max: 120s, quiet: 3s } }
`;

/** The same for an issuer that production may have. */
export const productionYaml = keyturnYaml
  .replace('mode: demo', 'mode: production')
  .replace('http://127.0.0.1:4873', 'https://registry.example')
  .replace('{ min: 10s, max: 120s, quiet: 3s }', '{ min: 1h, max: 7d, quiet: 1h }');

const statement = z.object({
  Action: z.union([z.string(), z.array(z.string())]).transform((action) => [action].flat()),
  Resource: z.unknown().transform((resource) => [resource].flat().map((each) => JSON.stringify(each))),
});
export const resources = z.record(
  z.string(),
  z.object({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) }),
);
const policy = z.object({
  PolicyDocument: z.object({ Statement: z.array(statement) }),
  /** A role of the stack, or the name of one from elsewhere. */
  Roles: z
    .array(z.union([z.object({ Ref: z.string() }), z.string().transform((Ref) => ({ Ref }))]))
    .default([]),
});

const resourcePolicy = z.object({
  PolicyDocument: z.object({
    Statement: z.array(
      z.object({ Effect: z.string(), Principal: z.unknown(), Condition: z.unknown().optional() }),
    ),
  }),
});

export type Statement = z.output<typeof statement>;
export type ResourceStatement = z.output<typeof resourcePolicy>['PolicyDocument']['Statement'][number];

export interface Synthesized {
  readonly stack: Stack;
  readonly template: Template;
  /** Statements of the roles whose logical id contains `name`. */
  rights(name: string): readonly Statement[];
  /** Statements of all policies that resources of a type carry. */
  policiesOf(type: string): readonly ResourceStatement[];
  /** Functions, by the part of their name that follows "Keyturn", whose role may do `action` on a matching resource. */
  whoMay(action: string, resource: RegExp): readonly string[];
}

const aRole = (stack: Stack): IGrantable =>
  new Role(stack, 'Consumer', { assumedBy: new AccountRootPrincipal() });

/**
 * With a consumer that may use the credential.
 *
 * @param consumerIn makes it. @default a role
 * @throws what the construct throws for a wrong file, or for a consumer.
 */
export function aStack(
  yaml = keyturnYaml,
  props: Omit<KeyturnProps, 'config'> = {},
  consumerIn = aRole,
): Synthesized {
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-test-'));
  try {
    const config = join(directory, 'keyturn.yaml');
    writeFileSync(config, yaml);
    const app = new App({ context: { 'aws:cdk:bundling-stacks': [] }, outdir: join(directory, 'cdk.out') });
    const stack = new Stack(app, 'keyturn');
    const keyturn = new Keyturn(stack, 'Keyturn', { ...props, config });
    keyturn.grantUse(consumerIn(stack), 'npm-token');
    return { stack, ...read(Template.fromStack(stack)) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function read(template: Template): Omit<Synthesized, 'stack'> {
  const all = resources.parse(template.toJSON()['Resources']);
  const policies = Object.values(all)
    .filter(({ Type }) => Type === 'AWS::IAM::Policy')
    .map(({ Properties }) => policy.parse(Properties));
  const rights = (name: string) =>
    policies
      .filter(({ Roles }) =>
        Roles.some(({ Ref }) => Ref.startsWith(name === 'Consumer' ? name : `Keyturn${name}Role`)),
      )
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
  const functions = Object.entries(all)
    .filter(([id, { Type }]) => Type === 'AWS::Lambda::Function' && id.startsWith('Keyturn'))
    .map(([id]) => id.replace(/^Keyturn/, '').replace(/[0-9A-F]{8}$/, ''));
  const may = (action: string, resource: RegExp) => (name: string) =>
    rights(name).some(
      ({ Action, Resource }) => Action.includes(action) && Resource.some((each) => resource.test(each)),
    );
  const policiesOf = (type: string) =>
    Object.values(all)
      .filter(({ Type }) => Type === type)
      .flatMap(({ Properties }) => resourcePolicy.parse(Properties).PolicyDocument.Statement);
  return {
    template,
    rights,
    policiesOf,
    whoMay: (action, resource) => functions.filter(may(action, resource)).sort(),
  };
}
