/** What a right keyturn.yaml is warned of. */
import { describe, expect, test } from 'vitest';
import { readKeyturnFile } from '../../lib/config/keyturn-file.ts';
import { warningsOf } from '../../lib/config/warnings.ts';
import { manualClock } from '../fakes/manual-clock.ts';
import { memoryIssuer } from '../fakes/memory-issuer.ts';
import { aDeclaration } from '../support/builders.ts';

const { capabilities } = memoryIssuer({ clock: manualClock() });
const role = 'arn:aws:iam::123456789012:role/api';
const consumer = (name: string, more = {}) => ({
  name,
  presence: 'continuous' as const,
  lostAfter: 3_600,
  ...more,
});
const { policy } = aDeclaration();

/** The warnings of one file as text; its issuer says when keys are used after `lastUsedLag`, if it does. */
const warnings = (
  credentials: Readonly<Record<string, Parameters<typeof aDeclaration>[0]>>,
  { mode = 'production' as 'production' | 'demo', lastUsedLag = null as number | null } = {},
) => {
  const declarations = Object.entries(credentials).map(([id, change]) => [id, aDeclaration(change)] as const);
  const issuers = new Map([['openai', { ...capabilities, lastUsedLag }]]);
  return warningsOf({ mode, credentials: Object.fromEntries(declarations) }, issuers).map(
    ({ path, text }) => `${path.join('.')} ${text}`,
  );
};

describe('a file is warned of', () => {
  test('credentials that nobody reports on, and whose issuer does not say when they are used', () => {
    expect(warnings({ billing: { consumers: [] } })).toEqual([
      expect.stringMatching(
        /^credentials.billing has no "consumers", and its issuer does not say when a key is used: .* so it never drains by proof; until its owner decides/,
      ),
    ]);
    expect(warnings({ billing: { consumers: [] } }, { lastUsedLag: 0 })).toEqual([]);
    expect(warnings({ billing: { consumers: [] } }, { lastUsedLag: 14_400 })).toEqual([]);
  });

  test('a revoke at the deadline: it needs no proof', () => {
    const revoking = { policy: { ...policy, atDeadline: 'revoke' as const } };
    const [warning, ...more] = warnings({ billing: { ...revoking, consumers: [consumer('api', { role })] } });
    expect(warning).toMatch(
      /^credentials.billing.policy.atDeadline is "revoke": .* without proof .* is cut off/,
    );
    expect(more).toEqual([]);
    expect(warnings({ billing: { ...revoking, consumers: [] } })[0]).toContain(
      'so every rotation after the first ends by a revoke without proof',
    );
    const extending = { policy: { ...policy, atDeadline: 'extend' as const } };
    expect(warnings({ billing: { ...extending, consumers: [consumer('api', { role })] } })).toEqual([]);
  });

  test('consumers for which anybody can speak: once, with the number of them and the first names', () => {
    const one = { consumers: [consumer('bound', { role }), consumer('api')] };
    expect(warnings({ billing: one })).toEqual([
      'credentials.billing.consumers.1 has no "role": whoever may send to the usage queue can report in its name, so declare the role that its reports come from',
    ]);
    expect(warnings({ billing: one, mail: one })[0]).toContain(
      'has no "role", nor has 1 more (api of mail): whoever',
    );
    const five = { consumers: ['a', 'b', 'c', 'd', 'e'].map((name) => consumer(name)) };
    const [warning, ...more] = warnings({ billing: five });
    expect(warning).toContain(
      'has no "role", nor have 4 more (b of billing, c of billing, d of billing …): whoever',
    );
    expect(more).toEqual([]);
  });

  test('no such consumer in a demo, where all run as one', () => {
    expect(warnings({ billing: { consumers: [consumer('api')] } }, { mode: 'demo' })).toEqual([]);
  });

  test('with the place in the file', () => {
    const file = `issuers:
  vendor:
    type: aws-iam
    user: /keyturn/agent
credentials:
  agent:
    issuer: vendor
    owner: { name: team }
    policy:
      atDeadline: revoke
    consumers:
      - name: agent
`;
    expect(readKeyturnFile(file, { stack: 'prod' }).warnings).toEqual([
      expect.stringMatching(/^keyturn.yaml:10:19 credentials.agent.policy.atDeadline is "revoke": /),
      expect.stringMatching(/^keyturn.yaml:12:9 credentials.agent.consumers\[0\] has no "role": /),
    ]);
  });
});

test('an issuer that says when keys are used is source enough, and grace must outlast its lag', () => {
  const file = (grace: string) => `issuers: { vendor: { type: aws-iam, user: /keyturn/agent } }
credentials:
  agent: { issuer: vendor, owner: { name: team }, policy: { grace: ${grace} } }
`;
  const read = (grace: string) => readKeyturnFile(file(grace), { stack: 'prod' });
  expect(read('{ min: 1h, max: 5h, quiet: 30m }').warnings).toEqual([]);
  expect(() => read('kubernetes')).toThrow(
    "policy.grace has max 4h: expected at least 5h, which is the issuer's lastUsedLag + 1h, unless its block asks for no last use",
  );
});
