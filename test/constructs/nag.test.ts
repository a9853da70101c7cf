/** What cdk-nag finds in the stack: nothing, but what stands with its evidence in lib/constructs/acknowledge.ts. */
import { type IPolicyValidationPlugin, type Stack, Validations } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks, type NagPack, ServerlessChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { aStack, keyturnYaml, productionYaml } from './a-stack.ts';

const packs: readonly (() => NagPack & IPolicyValidationPlugin)[] = [
  () => new AwsSolutionsChecks(),
  () => new ServerlessChecks(),
];

/** `rule at path`, warnings too; what is acknowledged at a construct, or above it, is not among them. */
const findings = (stack: Stack): readonly string[] =>
  packs
    .flatMap((pack) => pack().validateScope(stack).violations)
    .flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(
        (resource) =>
          `${ruleName} at ${z.object({ constructPath: z.string() }).parse(resource).constructPath}`,
      ),
    );

interface Acknowledged {
  readonly rule: string;
  readonly reason: string;
  readonly path: string;
}

const rules = z.record(z.string(), z.string());

const acknowledged = (stack: Stack): readonly Acknowledged[] =>
  stack.node.findAll().flatMap(({ node }: IConstruct) =>
    node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(rules.parse(data)))
      .map(([id, reason]) => ({ rule: id.replace(/^annotation::/i, ''), reason, path: node.path })),
  );

/** A rule such as AwsSolutions-IAM5 is acknowledged finding by finding: here by its name alone. */
const ruleAndReason = ({ rule, reason }: Acknowledged): string => `${rule.replace(/\[.*/s, '')}: ${reason}`;

/** Plug-ins bring rights of their own. */
const everyPlugIn = productionYaml
  .replace('issuers:', 'issuers:\n  user: { type: aws-iam, user: /keyturn/agent }')
  .replace(
    'credentials:',
    `targets:
  copy: { type: ssm-parameter, name: '/app/\${credential}' }
  restart: { type: lambda, function: restart-the-app }
  hook: { type: webhook, url: 'https://app.example/hook', signingSecret: hook-secret }
credentials:`,
  );

const withManyRoles = `${productionYaml}    consumers:
${Array.from({ length: 41 }, (_, n) => `    - { name: c-${n}, role: 'arn:aws:iam::123456789012:role/c-${n}' }`).join('\n')}
`;

describe.each([
  ['a demo', keyturnYaml],
  ['production', productionYaml],
  ['production with every plug-in', everyPlugIn],
  ['production with more consumers than a policy can name', withManyRoles],
])('in %s cdk-nag', (_mode, yaml) => {
  const { stack } = aStack(yaml);
  afterEach(() => vi.restoreAllMocks());

  it('finds nothing without evidence', () => {
    expect(findings(stack)).toEqual([]);
  });

  it('is told of eight things at most that are as they should be', () => {
    const all = new Set(acknowledged(stack).map(ruleAndReason));
    expect(all.size).toBeGreaterThan(0);
    expect([...all].slice(8)).toEqual([]);
  });

  it('is told of nothing that it would not find', () => {
    vi.spyOn(Validations, 'ACKNOWLEDGED_RULES_METADATA_KEY', 'get').mockReturnValue('none' as never);
    const found = findings(stack);
    vi.restoreAllMocks();
    const stale = acknowledged(stack).filter(
      ({ rule, path }) => !found.some((finding) => finding.startsWith(`${rule} at ${path}/`)),
    );
    expect(stale).toEqual([]);
  });
});

it('finds what is planted', () => {
  const { stack } = aStack();
  new Queue(stack, 'Planted');
  expect(findings(stack)).toEqual([
    'AwsSolutions-SQS3 at keyturn/Planted/Resource',
    'AwsSolutions-SQS4 at keyturn/Planted/Resource',
    'Serverless-SQSRedrivePolicy at keyturn/Planted/Resource',
  ]);
});

it('an acknowledged right on every resource hides no right but those that know none', () => {
  const { template } = aStack();
  const statements = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
    ({ Properties }) =>
      z
        .object({ Statement: z.array(z.object({ Action: z.unknown(), Resource: z.unknown() })) })
        .parse(Properties.PolicyDocument).Statement,
  );
  const actions = statements
    .filter(({ Resource }) => [Resource].flat().includes('*'))
    .flatMap(({ Action }) => [Action].flat());
  expect(actions.length).toBeGreaterThan(0);
  expect(actions.filter((action) => !/^(xray:Put|xray:Get|logs:)/.test(String(action)))).toEqual([]);
});
