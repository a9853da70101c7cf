/** Credentials declared in TypeScript: what they add to a stack, and how their mistakes are told. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, NestedStack, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { AccountRootPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { Credential } from '../../lib/constructs/credential.ts';
import type { KeyturnObject } from '../../lib/constructs/declared.ts';
import { Keyturn } from '../../lib/constructs/keyturn.ts';

const ownKey = 'arn:aws:kms:eu-west-1:123456789012:key/team';

const config: KeyturnObject = {
  secrets: [{ prefix: 'keys/<stack>/' }, { prefix: 'team/', kmsKeyArn: ownKey }],
  issuers: {
    vendor: {
      type: 'http',
      baseUrl: 'https://issuer.example',
      admin: 'admin/vendor',
      capabilities: { maxLiveKeys: 3, createLag: '5s', revokeLag: '1m' },
      requests: {
        create: { method: 'POST', path: '/keys', answer: { keyId: 'id', secret: 'secret' } },
        list: { method: 'GET', path: '/keys', answer: { keys: 'keys', keyId: 'id' } },
        revoke: { method: 'DELETE', path: '/keys/${key.id}' },
        probe: {
          method: 'GET',
          path: '/me',
          headers: { authorization: 'Bearer ${key.secret}' },
          rules: [
            // biome-ignore lint/suspicious/noThenProperty: a word of the config; nobody awaits a rule
            { status: 200, then: 'alive' },
            // biome-ignore lint/suspicious/noThenProperty: as above
            { status: 401, then: 'dead' },
          ],
        },
      },
    },
  },
  credentials: { first: { issuer: 'vendor', owner: { name: 'a' }, consumers: [{ name: 'api' }] } },
};

const second = { issuer: 'vendor', owner: { name: 'b' }, consumers: [{ name: 'web' }] };

const outputs: string[] = [];
afterEach(() => {
  for (const directory of outputs.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function anApp(): { readonly app: App; registered(): readonly unknown[] } {
  const outdir = mkdtempSync(join(tmpdir(), 'keyturn-test-'));
  outputs.push(outdir);
  return {
    app: new App({ context: { 'aws:cdk:bundling-stacks': [] }, outdir }),
    registered: () =>
      readdirSync(outdir)
        .filter((name) => name.endsWith('-registration.json'))
        .map((name) => JSON.parse(readFileSync(join(outdir, name), 'utf8'))),
  };
}

const parameterNames = (template: Template): readonly string[] =>
  Object.values(template.findResources('AWS::SSM::Parameter')).map(({ Properties }) =>
    z.string().parse(Properties.Name),
  );

describe('a credential as a construct', () => {
  it('is registered beside those of the config, whenever it was added', () => {
    const { app, registered } = anApp();
    const stack = new Stack(app, 'prod');
    const keyturn = new Keyturn(stack, 'Keyturn', { config });
    new Credential(keyturn, 'second', second);
    const template = Template.fromStack(stack);
    template.resourceCountIs('Custom::Trigger', 1);
    expect(registered()).toEqual([
      {
        issuers: { vendor: expect.objectContaining({ type: 'http', timeout: '10s' }) },
        accounts: { vendor: 'http https://issuer.example {}' },
        prefixes: ['keys/prod/', 'team/'],
        targets: {},
        credentials: {
          first: expect.objectContaining({ owner: { name: 'a' } }),
          second: expect.objectContaining({
            owner: { name: 'b' },
            account: 'http https://issuer.example {}',
            secret: expect.objectContaining({ name: 'keys/prod/second' }),
          }),
        },
      },
    ]);
  });

  it('needs none in the config', () => {
    const { app, registered } = anApp();
    const stack = new Stack(app, 'prod');
    const { credentials: _none, ...rest } = config;
    new Credential(new Keyturn(stack, 'Keyturn', { config: rest }), 'second', second);
    Template.fromStack(stack);
    expect(registered()).toEqual([
      expect.objectContaining({ credentials: { second: expect.objectContaining({ issuer: 'vendor' }) } }),
    ]);
  });

  it('fails the synthesis with every mistake in every one of them', () => {
    const { app } = anApp();
    const stack = new Stack(app, 'prod');
    const keyturn = new Keyturn(stack, 'Keyturn', { config });
    new Credential(keyturn, 'second', { ...second, issuer: 'vednor' });
    new Credential(keyturn, 'third', { ...second, policy: { rotateEvery: 'soon' } });
    expect(() => Template.fromStack(stack)).toThrow(
      /^the config has 2 mistakes:\ncredentials.second.issuer is "vednor", .* did you mean "vendor"\?.*\ncredentials.third.policy.rotateEvery is "soon"/,
    );
  });

  it('is declared in one place, and before the synthesis', () => {
    const { app } = anApp();
    const stack = new Stack(app, 'prod');
    const keyturn = new Keyturn(stack, 'Keyturn', { config });
    expect(() => new Credential(keyturn, 'first', second)).toThrow(
      'credential "first" is in the config already',
    );
    new Credential(keyturn, 'second', second);
    expect(() => new Credential(keyturn, 'second', second)).toThrow("name 'second'");
    expect(() => keyturn.addCredential('second', second)).toThrow('credential "second" is added twice');
    Template.fromStack(stack);
    expect(() => keyturn.addCredential('third', second)).toThrow('credential "third" comes too late');
  });

  it('lets its consumers read it, with the KMS key of its prefix', () => {
    const { app } = anApp();
    const stack = new Stack(app, 'prod');
    const keyturn = new Keyturn(stack, 'Keyturn', { config });
    const role = new Role(stack, 'Consumer', { assumedBy: new AccountRootPrincipal() });
    new Credential(keyturn, 'second', { ...second, secret: { name: 'team/second' } }).grantUse(role);
    Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: 'secretsmanager:GetSecretValue',
            Resource: {
              'Fn::Join': ['', Match.arrayWith([Match.stringLikeRegexp('secret:team/second-[?]{6}$')])],
            },
          }),
          Match.objectLike({ Action: 'kms:Decrypt', Resource: ownKey }),
        ]),
      },
      Roles: [{ Ref: Match.stringLikeRegexp('^Consumer') }],
    });
    expect(() => keyturn.grantUse(role, 'nobody')).toThrow(
      'there is no credential "nobody" (known: first, second)',
    );
  });

  it('without consumers is warned of', () => {
    const { app } = anApp();
    const stack = new Stack(app, 'prod');
    new Credential(new Keyturn(stack, 'Keyturn', { config }), 'second', { ...second, consumers: [] });
    Template.fromStack(stack);
    Annotations.fromStack(stack).hasWarning(
      '/prod/Keyturn',
      Match.stringLikeRegexp('credentials.second has no "consumers"'),
    );
  });
});

describe('several keyturns', () => {
  it('have their own credentials, each below its own name', () => {
    const { app, registered } = anApp();
    const stack = new Stack(app, 'prod');
    const keyturns = ['blue', 'green'].map((name) => new Keyturn(stack, name, { config, name }));
    for (const keyturn of keyturns) new Credential(keyturn, `of-${keyturn.name}`, second);
    const names = parameterNames(Template.fromStack(stack));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(names.map((name) => name.split('/')[2]))).toEqual(new Set(['blue', 'green']));
    const credentials = registered().map((each) => z.object({ credentials: z.looseObject({}) }).parse(each));
    expect(credentials.map((each) => Object.keys(each.credentials))).toEqual(
      expect.arrayContaining([
        ['first', 'of-blue'],
        ['first', 'of-green'],
      ]),
    );
  });

  it('do not share a name in one stack, and may in two', () => {
    const { app } = anApp();
    const stack = new Stack(app, 'prod');
    new Keyturn(stack, 'One', { config });
    expect(() => new Keyturn(new NestedStack(stack, 'Nested'), 'Two', { config })).toThrow(
      'the stack has a keyturn named "prod" already',
    );
    expect(() => new Keyturn(stack, 'Three', { config, name: 'a/b' })).toThrow(
      'the name "a/b" is not of letters',
    );
    const elsewhere = new Stack(app, 'elsewhere', { stackName: 'prod', env: { region: 'eu-west-1' } });
    expect(new Keyturn(elsewhere, 'Keyturn', { config }).name).toBe('prod');
  });

  it('in a nested stack are known by the name of the outermost', () => {
    const { app, registered } = anApp();
    const stack = new Stack(app, 'prod');
    const nested = new NestedStack(stack, 'Nested');
    new Credential(new Keyturn(nested, 'Keyturn', { config }), 'second', second);
    const names = parameterNames(Template.fromStack(nested));
    expect(names).toContain('/keyturn/prod/table');
    expect(JSON.stringify(registered())).toContain('"keys/prod/second"');
    expect(JSON.stringify(registered())).not.toContain('Token[');
  });
});
