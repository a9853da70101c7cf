/** keyturn.yaml: what comes out of a right one, and how a wrong one is answered. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseKeyturnFile } from '../../lib/config/keyturn-file.ts';

const read = (text: string) => parseKeyturnFile(text, { stack: 'prod' });

/** The mistakes of a file, a line each, without the heading. */
function mistakesIn(text: string): readonly string[] {
  try {
    read(text);
    return [];
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'InvalidInput') throw error;
    return error.message.split('\n').slice(1);
  }
}

const issuers = `
issuers:
  vendor: &vendor
    type: http
    baseUrl: https://issuer.example
    admin: admin/vendor
    capabilities: { maxLiveKeys: 2, createLag: 5s, revokeLag: 1m }
    requests:
      create: { method: POST, path: /keys, answer: { keyId: id, secret: secret } }
      list: { method: GET, path: /keys, answer: { keys: keys, keyId: id } }
      revoke: { method: DELETE, path: '/keys/\${key.id}' }
      probe:
        method: GET
        path: /me
        headers: { authorization: 'Bearer \${key.secret}' }
        rules: [{ status: 200, then: alive }, { status: 401, then: dead }]
`;

/** A file with one credential, its fields after `issuer` and `owner` as given. */
const aFile = (fields = '', { top = '', more = '' } = {}): string => `${top}${issuers}${more}
credentials:
  billing:
    issuer: vendor
    owner: { name: billing-team }
${fields}`;

const billing = (fields = '', around = {}) => read(aFile(fields, around)).credentials['billing'];

describe('a right file', () => {
  test('resolves every default', () => {
    const { mode, secrets, credentials } = read(aFile());
    expect(mode).toBe('production');
    expect(secrets).toEqual([{ prefix: 'keyturn/prod/' }]);
    expect(credentials).toEqual({
      billing: {
        mode: 'production',
        issuer: 'vendor',
        owner: { name: 'billing-team' },
        privilege: 'standard',
        secret: {
          name: 'keyturn/prod/billing',
          format: 'json',
          fields: { secret: 'apiKey', keyId: 'keyId', generation: 'generation' },
        },
        policy: { rotateEvery: 90 * 86_400, grace: { min: 86_400, max: 172_800, quiet: 14_400 } },
        consumers: [],
        reportEvery: 60,
      },
    });
  });

  test.each([
    ['kubernetes', { min: 3_600, max: 14_400, quiet: 900 }],
    ['manual', { min: 86_400, max: 172_800, quiet: 14_400 }],
    ['air-gapped', { min: 604_800, max: 1_209_600, quiet: 86_400 }],
    ['{ min: 2h, max: 3d, quiet: 10m }', { min: 7_200, max: 259_200, quiet: 600 }],
  ])('knows the grace policy %s', (grace, expected) => {
    expect(billing(`    policy: { grace: ${grace} }`)?.policy.grace).toEqual(expected);
  });

  test('rotates privileged keys more often', () => {
    expect(billing('    privilege: high')?.policy.rotateEvery).toBe(30 * 86_400);
  });

  test('keeps what is said of consumers and fills in the rest', () => {
    const consumers = `    consumers:
      - { name: api, role: 'arn:aws:iam::123456789012:role/api' }
      - { name: report, presence: intermittent, period: 1d, lostAfter: 2h }`;
    expect(billing(consumers)?.consumers).toEqual([
      { name: 'api', role: 'arn:aws:iam::123456789012:role/api', presence: 'continuous', lostAfter: 3_600 },
      { name: 'report', presence: 'intermittent', period: 86_400, lostAfter: 7_200 },
    ]);
  });

  test('writes the secret in the shape that its user chose', () => {
    const secret = `    secret:
      name: keyturn/prod/legacy
      fields: { secret: token }
      constants: { user: bot }`;
    expect(billing(secret)?.secret).toEqual({
      name: 'keyturn/prod/legacy',
      format: 'json',
      fields: { secret: 'token' },
      constants: { user: 'bot' },
    });
    expect(billing('    secret: { format: text }')?.secret).toEqual({
      name: 'keyturn/prod/billing',
      format: 'text',
    });
  });

  test('takes prefixes of its own, with the name of the stack in them', () => {
    const top = 'secrets: [{ prefix: "apps/<stack>/" }, { prefix: legacy- }]\n';
    expect(billing('', { top })?.secret.name).toBe('apps/prod/billing');
    expect(billing('    secret: { name: legacy-key }', { top })?.secret.name).toBe('legacy-key');
  });

  test('may use anchors and merges', () => {
    const more = '  copy: { <<: *vendor, admin: admin/copy }\n';
    expect(read(aFile('', { more })).issuers['copy']).toMatchObject({ type: 'http', admin: 'admin/copy' });
  });

  test('is the example', () => {
    const example = new URL('../../examples/verdaccio/keyturn.yaml', import.meta.url);
    const { mode, credentials } = read(readFileSync(example, 'utf8'));
    expect(mode).toBe('demo');
    expect(credentials['npm-token']).toMatchObject({
      policy: { grace: { min: 10, max: 120, quiet: 3 } },
      consumers: [{ name: 'builder' }, { name: 'mirror' }, { name: 'nightly', lostAfter: 30 }],
      reportEvery: 1,
    });
  });
});

describe('a wrong file', () => {
  test('is answered with every mistake, its place, its value and what was probably meant', () => {
    const file = `mode: dmeo
isuers: {}
issuers:
  vendor:
    type: http
    baseUrl: http://issuer.example
    admin: admin/vendor
    exclusvie: true
    capabilities: { maxLiveKeys: 2, createLag: 1h, revokeLag: 1m }
    requests:
      create: { method: PSOT, path: '/keys/\${lable}', answer: { keyId: id, secret: secret } }
      revoke: { method: DELETE, path: '/keys/\${key.id}', headers: { authorization: '\${amdin.token}' } }
      probe: { method: GET, path: /me, rules: [{ status: 200, then: alive }, { status: 401, then: dead }] }
credentials:
  billing:
    issuer: vednor
    owner: { nmae: billing-team }
    policy: { grace: kubernets }
    consumers:
      - { name: api }
      - { name: api, presence: intermittent }
`;
    expect(mistakesIn(file)).toEqual([
      'keyturn.yaml:1:7 mode is "dmeo": expected "production" or "demo", did you mean "demo"?',
      'keyturn.yaml:2:1 isuers is not known here, did you mean "issuers"? (known: mode, secrets, issuers, credentials)',
      expect.stringMatching(
        /^keyturn.yaml:6:14 issuers.vendor.baseUrl is "http:\/\/issuer.example": expected an https/,
      ),
      expect.stringMatching(
        /^keyturn.yaml:8:5 issuers.vendor.exclusvie is not known here, did you mean "exclusive"\?/,
      ),
      expect.stringMatching(
        /^keyturn.yaml:9:48 issuers.vendor.capabilities.createLag is "1h": .* 0s to 10m$/,
      ),
      expect.stringMatching(
        /^keyturn.yaml:11:25 issuers.vendor.requests.create.method is "PSOT": .* mean "POST"\?$/,
      ),
      expect.stringMatching(
        /^keyturn.yaml:11:37 issuers.vendor.requests.create.path \$\{lable\} .* mean "label"\?$/,
      ),
      expect.stringMatching(/^keyturn.yaml:12:84 .*\$\{amdin.token\} .* mean "admin.token"\?$/),
      expect.stringMatching(/^keyturn.yaml:13:14 issuers.vendor.requests.probe must use \$\{key.secret\}/),
      'keyturn.yaml:16:13 credentials.billing.issuer is "vednor", which is not under `issuers:`, did you mean "vendor"? (known: vendor)',
      'keyturn.yaml:17:12 credentials.billing.owner.name is missing: expected text',
      'keyturn.yaml:17:14 credentials.billing.owner.nmae is not known here, did you mean "name"? (known: name, notify)',
      expect.stringMatching(
        /^keyturn.yaml:18:22 credentials.billing.policy.grace is "kubernets": .* mean "kubernetes"\?$/,
      ),
      expect.stringMatching(
        /^keyturn.yaml:21:9 credentials.billing.consumers\[1\] is intermittent, so it needs a "period"/,
      ),
      expect.stringMatching(
        /^keyturn.yaml:21:17 credentials.billing.consumers\[1\].name is "api", which another/,
      ),
    ]);
  });

  test.each([
    ['', '1:1 the file is null'],
    ['- a', '1:1 the file is ["a"]: expected a map of fields'],
    ['mode: [', '1:8 '],
    ['mode: demo\nmode: demo', '2:1 Map keys must be unique'],
    ['mode: !Ref Stage', '1:7 Unresolved tag'],
    ['mode: *stage', '1:1 Unresolved alias'],
    ['mode: demo\n---\nmode: demo', '2:1 expected one document'],
  ])('that is not even YAML of the right kind says so: %j', (text, expected) => {
    expect(mistakesIn(text)[0]).toContain(`keyturn.yaml:${expected}`);
  });

  test('is called by the name that the caller gives', () => {
    expect(() => parseKeyturnFile('mode: x', { stack: 'prod', fileName: 'stage/keyturn.yaml' })).toThrow(
      'stage/keyturn.yaml:1:7 mode',
    );
  });

  test('knows no key per prefix yet, rather than take one and not use it', () => {
    const top = "secrets: [{ prefix: keys/, kmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/a' }]\n";
    expect(mistakesIn(aFile('', { top }))).toEqual([
      expect.stringContaining('secrets[0].kmsKeyArn is not known here'),
    ]);
  });

  test.each(['targets: []', 'adopt: true', 'window: night'])(
    'knows nothing of what is to come: %s',
    (field) => {
      expect(mistakesIn(aFile(`    ${field}`))).toEqual([expect.stringContaining('is not known here')]);
    },
  );

  test('does not let a mistake in one credential hide one in another, or in its own other fields', () => {
    const fields = `    colour: blue
    policy: { rotateEvery: 1d }
  UPPER: {}
  other: { issuer: nobody, owner: { name: a } }`;
    expect(mistakesIn(aFile(fields))).toEqual([
      expect.stringContaining('credentials.billing.colour is not known here'),
      expect.stringContaining('credentials.billing.policy.rotateEvery is 1d'),
      expect.stringContaining('credentials.UPPER is no name'),
      expect.stringContaining('credentials.UPPER.issuer is missing'),
      expect.stringContaining('credentials.UPPER.owner is missing'),
      expect.stringContaining('credentials.other.issuer is "nobody"'),
    ]);
  });
});

describe('the rules between fields', () => {
  const grace = (text: string): string => `    policy: { grace: ${text} }`;
  const demo = { top: 'mode: demo\n' };

  test.each([
    [grace('{ min: 30m, max: 2d, quiet: 1h }'), 'grace.min is 30m: expected at least 1h'],
    [grace('{ min: 1h, max: 31d, quiet: 1h }'), 'grace.max is 31d: expected at most 30d'],
    [grace('{ min: 3d, max: 2d, quiet: 1h }'), 'grace.min is 3d: expected no more than max (2d)'],
    [grace('{ min: 1h, max: 2d, quiet: 4m }'), 'grace.quiet is 4m: expected at least 5m'],
    [
      grace('{ min: 1h, max: 12h, quiet: 690m }'),
      'grace has max 12h: expected at least 750m, which is quiet + 1h',
    ],
    ['    policy: { rotateEvery: 4d }', 'rotateEvery is 4d: expected more than grace.max + 48h (4d)'],
    ['    policy: { rotateEvery: soon }', 'rotateEvery is "soon": expected a duration such as 10s'],
    ['    policy: { rotateEvery: 30 }', 'rotateEvery is 30: expected a duration such as 10s'],
    ['    policy: { rotateEvery: 0d }', 'rotateEvery is "0d": expected a duration'],
    [
      '    consumers: [{ name: report, presence: intermittent, period: 48h }]',
      'policy.grace has max 2d: expected at least 49h, which is period of report + 1h',
    ],
    [
      '    consumers: [{ name: api, period: 1h }]',
      'consumers[0].period is for `presence: intermittent` only',
    ],
    [
      '    secret: { name: other/billing }',
      'secret.name is "other/billing": expected it to begin with "keyturn/prod/"',
    ],
    ['    secret: { format: text, fields: { secret: a } }', 'secret.fields is for `format: json` only'],
    ['    secret: { constants: { apiKey: a } }', 'secret writes the JSON field "apiKey" twice'],
    [
      '  other: { issuer: vendor, owner: { name: a }, secret: { name: keyturn/prod/billing } }',
      'credentials.other.secret.name is "keyturn/prod/billing", which credential "billing" has',
    ],
  ])('%s', (fields, expected) => {
    expect(mistakesIn(aFile(fields))).toEqual([expect.stringContaining(expected)]);
  });

  test('durations at the bounds are fine', () => {
    expect(mistakesIn(aFile(grace('{ min: 1h, max: 30d, quiet: 5m }')))).toEqual([]);
    expect(mistakesIn(aFile(grace('{ min: 10s, max: 10s, quiet: 1s }'), demo))).toEqual([]);
  });

  test('mode demo drops the margins but not the order', () => {
    expect(
      mistakesIn(aFile('    policy: { rotateEvery: 61s, grace: { min: 1s, max: 60s, quiet: 59s } }', demo)),
    ).toEqual([]);
    expect(
      mistakesIn(aFile('    policy: { rotateEvery: 60s, grace: { min: 1s, max: 60s, quiet: 61s } }', demo)),
    ).toEqual([
      expect.stringContaining('rotateEvery is 1m: expected more than grace.max (1m)'),
      expect.stringContaining('grace.quiet is 61s: expected no more than max (1m)'),
    ]);
  });

  test('a planned rotation needs two live keys', () => {
    expect(mistakesIn(aFile().replace('maxLiveKeys: 2', 'maxLiveKeys: 1'))).toEqual([
      expect.stringContaining('issuer is "vendor", which allows one live key'),
    ]);
  });

  test('a key whose answer was lost must be found in a list', () => {
    expect(mistakesIn(aFile().replace(/^ +list: .*\n/m, ''))).toEqual([
      expect.stringContaining(
        'credentials.billing.issuer is "vendor", which has no `list` request: without it a key whose answer was lost',
      ),
    ]);
  });

  test.each(['{ <<: *vendor }', "{ <<: *vendor, baseUrl: 'https://ISSUER.example/', exclusive: true }"])(
    'two blocks on one account are one: %s',
    (copy) => {
      expect(mistakesIn(aFile('', { more: `  copy: ${copy}\n` }))).toEqual([
        expect.stringMatching(
          /:3 issuers.copy is the same account as issuers.vendor: use one block, since keys are told apart per block$/,
        ),
      ]);
    },
  );

  test.each(['baseUrl: https://other.example', 'admin: { create: admin/copy, revoke: admin/vendor }'])(
    'blocks that differ in %s are two accounts',
    (difference) => {
      expect(mistakesIn(aFile('', { more: `  copy: { <<: *vendor, ${difference} }\n` }))).toEqual([]);
    },
  );

  test('a loopback issuer without TLS needs mode demo', () => {
    const file = aFile().replace('https://issuer.example', 'http://127.0.0.1:4873');
    expect(mistakesIn(file)).toEqual([expect.stringContaining('http needs `mode: demo`')]);
    expect(mistakesIn(`mode: demo${file}`)).toEqual([]);
  });

  test('admin secrets are not kept among the keys', () => {
    expect(mistakesIn(aFile().replace('admin/vendor', 'keyturn/prod/admin'))).toEqual([
      expect.stringContaining('issuers.vendor.admin names "keyturn/prod/admin", which is below the prefix'),
    ]);
  });
});
