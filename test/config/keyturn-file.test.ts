/** keyturn.yaml: what comes out of a right one, and how a wrong one is answered. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseKeyturnFile, readKeyturnFile, readKeyturnObject } from '../../lib/config/keyturn-file.ts';
import { defaultObserve } from '../../lib/config/policy-presets.ts';
import { observeOf } from '../../lib/rotation/disable-key.ts';

const root = join(import.meta.dirname, '..', '..');

const read = (text: string) => parseKeyturnFile(text, { stack: 'prod' });

/** The mistakes of a file, a line each, without the heading. */
const mistakesIn = (text: string): readonly string[] => mistakesOf(() => read(text));

function mistakesOf(reading: () => unknown): readonly string[] {
  try {
    reading();
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
    capabilities: { maxLiveKeys: 9, createLag: 5s, revokeLag: 1m }
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

const copies = `
targets:
  copy: { type: ssm-parameter, name: '/app/\${credential}' }
`;

/** A file with one credential, its fields after `issuer` and `owner` as given. */
const aFile = (fields = '', { top = '', more = '' } = {}): string => `${top}${issuers}${more}
credentials:
  billing:
    issuer: vendor
    owner: { name: billing-team }
${fields}`;

const declare = (id: string) => {
  const declaration = read(aFile()).credentials[id];
  if (!declaration) throw new Error(`there is no ${id}`);
  return declaration;
};

const billing = (fields = '', around = {}) => read(aFile(fields, around)).credentials['billing'];

describe('a right file', () => {
  test('resolves every default', () => {
    const { mode, secrets, prefixes, usage, accounts, credentials } = read(aFile());
    expect(mode).toBe('production');
    expect(secrets).toEqual([{ prefix: 'keyturn/prod/' }]);
    expect(prefixes).toEqual(['keyturn/prod/']);
    expect(usage).toEqual({ keep: 30 * 86_400 });
    expect(accounts).toEqual({ vendor: 'http https://issuer.example {}' });
    expect(credentials).toEqual({
      billing: {
        mode: 'production',
        issuer: 'vendor',
        account: 'http https://issuer.example {}',
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
      - { name: mailer, role: 'arn:aws-cn:iam::210987654321:role/team/mailer', roleId: AROADBQP57FF2AEXAMPLE }
      - { name: report, presence: intermittent, period: 1d, lostAfter: 2h }`;
    expect(billing(consumers)?.consumers).toEqual([
      { name: 'api', role: 'arn:aws:iam::123456789012:role/api', presence: 'continuous', lostAfter: 3_600 },
      {
        name: 'mailer',
        role: 'arn:aws-cn:iam::210987654321:role/team/mailer',
        roleId: 'AROADBQP57FF2AEXAMPLE',
        presence: 'continuous',
        lostAfter: 3_600,
      },
      { name: 'report', presence: 'intermittent', period: 86_400, lostAfter: 7_200 },
    ]);
  });

  test('says what follows at the deadline, and how long a key is disabled first, where that is not the default', () => {
    const policyOf = (policy: string, top = '') => billing(`    policy: { ${policy} }`, { top })?.policy;
    expect(policyOf('atDeadline: extend, observe: 1h')).toMatchObject({
      atDeadline: 'extend',
      observe: 3_600,
    });
    expect(policyOf('atDeadline: revoke')?.atDeadline).toBe('revoke');
    for (const policy of ['atDeadline: ask, observe: 30m', '']) {
      expect(policyOf(policy)).not.toHaveProperty('atDeadline');
      expect(policyOf(policy)).not.toHaveProperty('observe');
    }
    expect(policyOf('', 'mode: demo\n')?.observe).toBe(2);
    expect(policyOf('observe: 1s', 'mode: demo\n')?.observe).toBe(1);
  });

  test('means by a policy that says nothing of observing what the core takes it for', () => {
    const { policy } = declare('billing');
    expect(policy).not.toHaveProperty('observe');
    expect(observeOf(policy)).toBe(defaultObserve.production);
  });

  test('says how long the uses of each minute stay', () => {
    const keptFor = (keep: string) => read(aFile('', { top: `usage: { keep: ${keep} }\n` })).usage.keep;
    expect([keptFor('15d'), keptFor('400d')]).toEqual([15 * 86_400, 400 * 86_400]);
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

  test('encrypts a secret with the key of the longest prefix that fits', () => {
    const [wide, narrow] = ['wide', 'narrow'].map((id) => `arn:aws:kms:eu-west-1:123456789012:key/${id}`);
    const top = `secrets: [{ prefix: a/, kmsKeyArn: '${wide}' }, { prefix: a/b/, kmsKeyArn: '${narrow}' }, { prefix: a/b/c }]\n`;
    const keyOf = (name: string) => billing(`    secret: { name: ${name} }`, { top })?.secret.kmsKeyArn;
    expect([keyOf('a/x'), keyOf('a/b/x'), keyOf('a/b/cx')]).toEqual([wide, narrow, undefined]);
  });

  test('names windows one by one or in a list, on any clock', () => {
    const night = "{ from: '22:00', to: '06:15' }";
    const weekend = "{ days: [sat, sun], from: '00:00', to: '24:00', timeZone: Europe/Berlin }";
    const everyDay = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    const windows = [
      { days: everyDay, from: '22:00', to: '06:15', timeZone: 'UTC' },
      { days: ['sat', 'sun'], from: '00:00', to: '24:00', timeZone: 'Europe/Berlin' },
    ];
    expect(billing(`    policy: { window: ${night} }`)?.policy.windows).toEqual(windows.slice(0, 1));
    expect(billing(`    policy: { window: [${night}, ${weekend}] }`)?.policy.windows).toEqual(windows);
    expect(billing('    policy: { window: { from: 22:00, to: 06:15 } }')?.policy.windows).toEqual(
      windows.slice(0, 1),
    );
  });

  test('lets keys end where the issuer can end them', () => {
    const ending = aFile('    policy: { keyTtl: 30d }').replace(
      'path: /keys, answer',
      "path: /keys, body: { until: '${expiresAt}' }, answer",
    );
    expect(read(ending).credentials['billing']?.policy.keyTtl).toBe(30 * 86_400);
  });

  test('hands new keys to targets', () => {
    const { targets, credentials } = read(aFile('    targets: [copy]', { more: copies }));
    expect(credentials['billing']?.targets).toEqual(['copy']);
    expect(targets).toEqual({
      copy: { type: 'ssm-parameter', name: '/app/${credential}', value: 'secret' },
    });
  });

  test('takes over a key that is there', () => {
    const fields = '    adopt: { keyId: AKIA }\n    secret: { name: keyturn/prod/old, format: text }';
    expect(billing(fields)).toMatchObject({
      adopt: { keyId: 'AKIA' },
      secret: { name: 'keyturn/prod/old', format: 'text' },
    });
  });

  test('may be an object, which says the same', () => {
    const { config, input } = readKeyturnFile(aFile('    targets: [copy]', { more: copies }), {
      stack: 'prod',
    });
    expect(readKeyturnObject(input, { stack: 'prod' }).config).toEqual(config);
  });

  test('may use anchors and merges', () => {
    const more = '  copy: { <<: *vendor, config: { team: mail } }\n';
    expect(read(aFile('', { more })).issuers['copy']).toMatchObject({
      type: 'http',
      config: { team: 'mail' },
    });
  });

  test.each(globSync('examples/*/keyturn.yaml', { cwd: root }))('is %s, without a warning', (path) => {
    const text = readFileSync(join(root, path), 'utf8');
    expect(readKeyturnFile(text, { stack: 'prod' }).warnings).toEqual([]);
  });

  test('is the example', () => {
    const example = join(root, 'examples', 'verdaccio', 'keyturn.yaml');
    const { mode, credentials } = read(readFileSync(example, 'utf8'));
    expect(mode).toBe('demo');
    expect(credentials['npm-token']).toMatchObject({
      policy: { grace: { min: 10, max: 300, quiet: 3 } },
      consumers: [
        { name: 'builder' },
        { name: 'mirror', lostAfter: 30 },
        { name: 'dashboard', lostAfter: 3600 },
      ],
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
    capabilities: { maxLiveKeys: 9, createLag: 1h, revokeLag: 1m }
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
      'keyturn.yaml:2:1 isuers is not known here, did you mean "issuers"? (known: mode, secrets, usage, issuers, targets, credentials)',
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

  test.each(['alias/keys', 'arn:aws:kms:eu-west-1:123456789012:alias/keys', '${Token[TOKEN.7]}'])(
    'names the KMS key by its ARN, since IAM knows no other name: %s',
    (kmsKeyArn) => {
      const top = `secrets: [{ prefix: keys/, kmsKeyArn: '${kmsKeyArn}' }]\n`;
      expect(mistakesIn(aFile('', { top }))).toEqual([
        expect.stringContaining(
          `secrets[0].kmsKeyArn is ${JSON.stringify(kmsKeyArn)}: expected the ARN of a KMS key, written out`,
        ),
      ]);
    },
  );

  test('that is an object is answered with every mistake, without places', () => {
    const { input } = readKeyturnFile(aFile(), { stack: 'prod' });
    const credentials = { billing: { isuer: 'vendor', owner: { name: 'a' } } };
    const wrong = JSON.parse(JSON.stringify({ ...input, mode: 'dmeo', credentials }));
    expect(mistakesOf(() => readKeyturnObject(wrong, { stack: 'prod' }))).toEqual([
      'mode is "dmeo": expected "production" or "demo", did you mean "demo"?',
      'credentials.billing.issuer is missing: expected text',
      expect.stringMatching(/^credentials.billing.isuer is not known here, did you mean "issuer"\? /),
    ]);
  });

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
  const policyOf = (text: string): string => `    policy: { ${text} }`;
  const grace = (text: string): string => policyOf(`grace: ${text}`);
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
    [policyOf('observe: 4m'), 'policy.observe is 4m: expected 5m to 1d, outside `mode: demo`'],
    [policyOf('observe: 25h'), 'policy.observe is 25h: expected 5m to 1d, outside `mode: demo`'],
    [
      policyOf('atDeadline: exten'),
      'policy.atDeadline is "exten": expected "ask" or "extend" or "revoke", did you mean "extend"?',
    ],
    [
      "    consumers: [{ name: api, role: 'arn:aws:sts::123456789012:assumed-role/api/i-1' }]",
      'consumers[0].role is "arn:aws:sts::123456789012:assumed-role/api/i-1": expected the ARN of a role, written out: arn:aws:iam::<account>:role/<name>',
    ],
    [
      "    consumers: [{ name: api, role: 'arn:aws:iam::123456789012:user/api' }]",
      'consumers[0].role is "arn:aws:iam::123456789012:user/api": expected the ARN of a role',
    ],
    [
      '    consumers: [{ name: api, roleId: AROADBQP57FF2AEXAMPLE }]',
      'consumers[0].roleId is "AROADBQP57FF2AEXAMPLE": expected "role" beside it, the ARN of the role',
    ],
    [
      "    consumers: [{ name: api, role: 'arn:aws:iam::123456789012:role/api', roleId: AIDACKCEVSQ6C2EXAMPLE }]",
      'consumers[0].roleId is "AIDACKCEVSQ6C2EXAMPLE": expected the unique id of a role, AROA and more',
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
      '    consumers: [{ name: api, lostAfter: 59m }]',
      'consumers[0].lostAfter is 59m: expected at least 1h, outside `mode: demo`, since a client may use a key for 1h without a report',
    ],
    [
      '    secret: { name: other/billing }',
      'secret.name is "other/billing": expected it to begin with "keyturn/prod/"',
    ],
    [policyOf('window: night'), 'policy.window is "night": expected { days, from, to, timeZone }, or a list'],
    [
      policyOf("window: { from: '22:10', to: '06:00' }"),
      'policy.window.from is "22:10": expected a quarter of an hour such as 22:00',
    ],
    [policyOf("window: { from: '24:00', to: '06:00' }"), 'policy.window.from is "24:00"'],
    [
      policyOf("window: [{ days: [mon, mnday], from: '22:00', to: '24:00' }]"),
      'policy.window[0].days[1] is "mnday": expected "mon" or',
    ],
    [
      policyOf("window: { days: [mon, mon], from: '22:00', to: '24:00' }"),
      'policy.window.days names a day twice',
    ],
    [
      policyOf("window: { from: '22:00', to: '24:00', timeZone: Europe/Berln }"),
      'timeZone is "Europe/Berln": expected the name of a time zone such as Europe/Berlin, did you mean "Europe/Berlin"?',
    ],
    [
      policyOf("window: { from: '22:00', to: '24:00', timeZone: '+01:00' }"),
      'timeZone is "+01:00": expected the name',
    ],
    [
      policyOf('keyTtl: 30d'),
      'policy.keyTtl is 30d, but the issuer cannot give a key an end (see `expiry` on its page)',
    ],
    ['    targets: [nowhere]', 'targets[0] is "nowhere", which is not under `targets:` (none is declared)'],
    ['    adopt: { keyId: AKIA }', 'adopt needs "secret.name": the secret that holds the key now'],
    [
      `    secret: { name: keyturn/prod/a }
    adopt: { keyId: AKIA }
  other: { issuer: vendor, owner: { name: a }, secret: { name: keyturn/prod/b }, adopt: { keyId: AKIA } }`,
      'credentials.other.adopt.keyId is "AKIA", which credential "billing" has already',
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

  test.each(['14d', '401d'])('uses of each minute stay for 15d to 400d, not for %s', (keep) => {
    expect(mistakesIn(aFile('', { top: `usage: { keep: ${keep} }\n` }))).toEqual([
      `keyturn.yaml:1:16 usage.keep is ${keep}: expected 15d to 400d`,
    ]);
  });

  test('a mistake in `usage` hides none elsewhere', () => {
    expect(mistakesIn(aFile('    colour: blue', { top: 'usage: { kept: 30d }\n' }))).toEqual([
      expect.stringContaining('usage.kept is not known here, did you mean "keep"?'),
      expect.stringContaining('credentials.billing.colour is not known here'),
    ]);
  });

  test('durations at the bounds are fine', () => {
    expect(mistakesIn(aFile(policyOf('observe: 5m')))).toEqual([]);
    expect(mistakesIn(aFile(policyOf('observe: 24h')))).toEqual([]);
    expect(mistakesIn(aFile(grace('{ min: 1h, max: 30d, quiet: 5m }')))).toEqual([]);
    expect(mistakesIn(aFile(grace('{ min: 10s, max: 10s, quiet: 1s }'), demo))).toEqual([]);
  });

  test('mode demo drops the margins but not the order', () => {
    expect(
      mistakesIn(aFile('    policy: { rotateEvery: 61s, grace: { min: 1s, max: 60s, quiet: 59s } }', demo)),
    ).toEqual([]);
    expect(mistakesIn(aFile('    consumers: [{ name: api, lostAfter: 1s }]', demo))).toEqual([]);
    expect(
      mistakesIn(aFile('    policy: { rotateEvery: 60s, grace: { min: 1s, max: 60s, quiet: 61s } }', demo)),
    ).toEqual([
      expect.stringContaining('rotateEvery is 1m: expected more than grace.max (1m)'),
      expect.stringContaining('grace.quiet is 61s: expected no more than max (1m)'),
    ]);
  });

  test.each([
    ['keyTtl: 4d', 'is 4d: expected more than grace.max + 48h (4d)'],
    [
      "keyTtl: 10d, window: { days: [sat], from: '22:00', to: '24:00' }",
      'is 10d: expected more than grace.max + 48h + 166h in which no window opens (262h)',
    ],
    ["keyTtl: 11d, window: { days: [sat], from: '22:00', to: '24:00' }", undefined],
  ])('a key lives long enough for its successor: %s', (policy, expected) => {
    for (const around of [{}, demo]) {
      const file = aFile(policyOf(policy), around).replace(
        'path: /keys, answer',
        "path: /keys, body: { until: '${expiresAt}' }, answer",
      );
      expect(mistakesIn(file)).toEqual(
        expected === undefined ? [] : [expect.stringContaining(`billing.policy.keyTtl ${expected}`)],
      );
    }
  });

  test('targets are named as they are declared, once', () => {
    expect(mistakesIn(aFile('    targets: [cpoy, copy, copy]', { more: copies }))).toEqual([
      expect.stringContaining(
        'targets[0] is "cpoy", which is not under `targets:`, did you mean "copy"? (known: copy)',
      ),
      expect.stringContaining('targets[2] is "copy", which is in the list already'),
    ]);
  });

  test('two credentials have two parameters', () => {
    const fields = `    targets: [copy]
  other: { issuer: vendor, owner: { name: a }, targets: [copy] }`;
    expect(mistakesIn(aFile(fields, { more: copies }))).toEqual([]);
    const one = copies.replace('${credential}', 'key');
    expect(mistakesIn(aFile(fields, { more: one }))).toEqual([
      expect.stringContaining(
        'credentials.other.targets[0] is "copy", which would write "/app/key", as for credential "billing"',
      ),
    ]);
  });

  test('a target is called by TLS, and reads no secret among the keys', () => {
    const hook = 'type: webhook, url: http://127.0.0.1:8080, signingSecret: keyturn/prod/signing';
    const more = `\ntargets: { hook: { ${hook} } }\n`;
    expect(mistakesIn(aFile('', { more }))).toEqual([
      expect.stringContaining('targets.hook reads "keyturn/prod/signing", which is below the prefix'),
      expect.stringContaining('targets.hook.url is "http://127.0.0.1:8080": expected https'),
    ]);
    expect(mistakesIn(aFile('', { more, ...demo }))).toEqual([expect.stringContaining('targets.hook reads')]);
  });

  test('a target does not sign with what administers an issuer', () => {
    const hook = (secret: string) =>
      `\ntargets: { hook: { type: webhook, url: 'https://app.example', signingSecret: ${secret} } }\n`;
    expect(mistakesIn(aFile('', { more: hook('admin/vendor') }))).toEqual([
      expect.stringContaining(
        'targets.hook reads "admin/vendor", an admin secret of issuers.vendor: give it a secret of its own',
      ),
    ]);
    expect(mistakesIn(aFile('', { more: hook('admin/hook') }))).toEqual([]);
  });

  test.each(['admin/*', 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:admin/vendor'])(
    'an admin secret is named, not %s',
    (name) => {
      expect(mistakesIn(aFile().replace('admin: admin/vendor', `admin: '${name}'`))).toEqual([
        expect.stringContaining(
          `issuers.vendor.admin is "${name}": expected a name that Secrets Manager takes`,
        ),
      ]);
    },
  );

  test('prefixes differ', () => {
    const top = 'secrets: [{ prefix: a/ }, { prefix: a/ }]\n';
    expect(mistakesIn(aFile('', { top }))).toEqual([
      'keyturn.yaml:1:37 secrets[1].prefix is "a/", which stands above already',
    ]);
  });

  test('a planned rotation needs two live keys', () => {
    expect(mistakesIn(aFile().replace('maxLiveKeys: 9', 'maxLiveKeys: 1'))).toEqual([
      expect.stringContaining('issuer is "vendor", which allows one live key'),
    ]);
  });

  test('an issuer has room for all its credentials and the one that rotates', () => {
    const credential = (id: string) =>
      `  ${id}: { issuer: iam, owner: { name: team }, consumers: [{ name: agent }], secret: { fields: { secret: s, keyId: k } } }\n`;
    const head = 'issuers: { iam: { type: aws-iam, user: /keyturn/agent } }\ncredentials:\n';
    expect(mistakesIn(head + credential('a'))).toEqual([]);
    expect(mistakesIn(head + credential('a') + credential('b'))).toEqual([
      expect.stringContaining('issuers.iam allows 2 keys and has 2 credentials'),
    ]);
  });

  test('consumers of a key that is called with its id must get the id too', () => {
    const file = `
issuers: { iam: { type: aws-iam, user: /keyturn/agent } }
credentials:
  agent: { issuer: iam, owner: { name: team }, consumers: [{ name: agent }], secret: { format: text } }
`;
    expect(mistakesIn(file)).toEqual([
      expect.stringContaining('credentials.agent.secret has no field for the key id'),
    ]);
    expect(mistakesIn(file.replace(', secret: { format: text }', ''))).toEqual([]);
  });

  test('a key whose answer was lost must be found in a list', () => {
    expect(mistakesIn(aFile().replace(/^ +list: .*\n/m, ''))).toEqual([
      expect.stringContaining(
        'credentials.billing.issuer is "vendor", which has no `list` request: without it a key whose answer was lost',
      ),
    ]);
  });

  test.each([
    '{ <<: *vendor }',
    "{ <<: *vendor, baseUrl: 'https://ISSUER.example/v2', exclusive: true }",
    '{ <<: *vendor, admin: { create: admin/copy, revoke: admin/vendor } }',
  ])('two blocks on one account are one: %s', (copy) => {
    expect(mistakesIn(aFile('', { more: `  copy: ${copy}\n` }))).toEqual([
      expect.stringMatching(
        /:3 issuers.copy is the same account as issuers.vendor, http https:\/\/issuer.example \{\}: use one block, since keys are told apart per block \(two accounts on one server differ in `config`\)$/,
      ),
    ]);
  });

  test.each(['baseUrl: https://other.example', 'config: { team: mail }'])(
    'blocks that differ in %s are two accounts',
    (difference) => {
      const file = aFile('', { more: `  copy: { <<: *vendor, ${difference} }\n` });
      expect(mistakesIn(file)).toEqual([]);
      expect(new Set(Object.values(read(file).accounts)).size).toBe(2);
    },
  );

  test('a loopback issuer without TLS needs mode demo', () => {
    const file = aFile().replace('https://issuer.example', 'http://127.0.0.1:4873');
    expect(mistakesIn(file)).toEqual([expect.stringContaining('http needs `mode: demo`')]);
    expect(mistakesIn(`mode: demo${file}`)).toEqual([]);
  });

  test('admin secrets are not kept among the keys', () => {
    expect(mistakesIn(aFile().replace('admin/vendor', 'keyturn/prod/admin'))).toEqual([
      expect.stringContaining('issuers.vendor reads "keyturn/prod/admin", which is below the prefix'),
    ]);
  });
});
