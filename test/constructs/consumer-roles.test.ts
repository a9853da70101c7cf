/** What registration and sweep may look up at IAM: the roles that consumers report as, and nobody else may. */
import { describe, expect, it } from 'vitest';
import { aStack, keyturnYaml } from './a-stack.ts';

const role = (name: string, account = '123456789012') => `arn:aws:iam::${account}:role/${name}`;

const withConsumers = (consumers: readonly string[]) =>
  aStack(`${keyturnYaml}    consumers: [${consumers.join(', ')}]\n`);

const lookups = (stack: ReturnType<typeof aStack>, name: string) =>
  stack
    .rights(name)
    .filter(({ Action }) => Action.includes('iam:GetRole'))
    .flatMap(({ Action, Resource }) => Resource.map((resource) => `${Action.join()} ${resource}`));

const fleet = (size: number) =>
  Array.from({ length: size }, (_, n) => `{ name: agent-${n}, role: '${role(`team/agent-${n}`)}' }`);

describe.each(['RegisterCredentials', 'SweepDue'])('%s', (name) => {
  it('may look at the declared roles, each once, and at no others', () => {
    const stack = withConsumers([
      `{ name: api, role: '${role('api')}' }`,
      `{ name: api-again, role: '${role('api')}' }`,
      `{ name: mailer, role: '${role('team/mailer')}' }`,
      '{ name: nobody }',
    ]);
    expect(lookups(stack, name)).toEqual([
      `iam:GetRole "${role('api')}"`,
      `iam:GetRole "${role('team/mailer')}"`,
    ]);
    expect(stack.whoMay('iam:GetRole', /./)).toEqual(['RegisterCredentials', 'SweepDue']);
  });

  it('has no right at IAM where each role comes with its id, or none is declared', () => {
    const known = `{ name: api, role: '${role('api')}', roleId: AROADBQP57FF2AEXAMPLE }`;
    expect(lookups(withConsumers([known, '{ name: nobody }']), name)).toEqual([]);
  });

  it('may look at forty roles by name, and at all of the account when there are more', () => {
    expect(lookups(withConsumers(fleet(40)), name)).toHaveLength(40);
    const [all, ...more] = lookups(withConsumers(fleet(41)), name);
    expect(all).toMatch(/^iam:GetRole .*"AWS::Partition".*":iam::".*"AWS::AccountId".*":role\/\*"/);
    expect(more).toEqual([]);
  });
});
