/** The declarative issuer against a real server on loopback: what it sends, what it makes of answers, and that no error tells a secret. */
import { afterEach, describe, expect, test } from 'vitest';
import type { IssuerWorld } from '../../lib/issuers/define-issuer.ts';
import {
  connectIssuer,
  issuerAccount,
  issuerBlockSchema,
  issuerCapabilities,
  issuerPermissions,
} from '../../lib/issuers/index.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { plus } from '../../lib/usage/instant.ts';
import { issuerContract } from '../contract/issuer-contract.ts';
import { type HttpIssuer, type HttpIssuerOptions, startHttpIssuer } from '../fakes/http-issuer.ts';
import { manualClock } from '../fakes/manual-clock.ts';
import { failureOf } from '../support/failure-of.ts';
import { SENTINEL } from '../support/sentinel.ts';
import { anIssuerWorld } from './an-issuer-world.ts';

type HttpBlock = HttpIssuer['block'];
type Requests = HttpBlock['requests'];
type LastUseRequest = NonNullable<Requests['lastUse']>;

const running: HttpIssuer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

const worldOf = (server: Pick<HttpIssuer, 'admin'>, change: Partial<IssuerWorld> = {}): IssuerWorld => {
  const secret = async () => ({ token: new SecretText(server.admin.token) });
  return anIssuerWorld({ secret, fetch, ...change });
};

async function aServer(options: Partial<HttpIssuerOptions> = {}): Promise<HttpIssuer> {
  const server = await startHttpIssuer({ clock: manualClock(), ...options });
  running.push(server);
  return server;
}

const connected = async (options: Partial<HttpIssuerOptions> = {}, change: Partial<IssuerWorld> = {}) => {
  const server = await aServer(options);
  return { server, issuer: connectIssuer(server.block, worldOf(server, change)) };
};

/** An issuer whose one answer is made by the test, and the requests that reached it. */
function answering(requests: Partial<Requests>, answer: () => Response, change: Partial<HttpBlock> = {}) {
  const sent: { url: string; init: RequestInit }[] = [];
  const fake: typeof fetch = async (input, init) => {
    sent.push({ url: `${input}`, init: init ?? {} });
    return answer();
  };
  const block = aBlock(requests, change);
  const admin = { token: `${SENTINEL} "quoted"/?#&` };
  return { sent, issuer: connectIssuer(block, worldOf({ admin }, { fetch: fake, mode: 'production' })) };
}

const headers = { authorization: 'Bearer ${admin.token}' };

function aBlock(requests: Partial<Requests> = {}, change: Partial<HttpBlock> = {}): HttpBlock {
  return {
    type: 'http',
    baseUrl: 'https://issuer.example/api/',
    admin: 'admin/issuer',
    config: { team: 'blue & green' },
    exclusive: false,
    timeout: '10s',
    capabilities: { named: false, maxLiveKeys: 2, createLag: '2s', revokeLag: '1m', probes: 3 },
    requests: {
      create: { method: 'POST', path: '/keys', answer: { keyId: 'id', secret: 'secret' } },
      probe: {
        method: 'GET',
        path: '/me',
        headers: { authorization: 'Bearer ${key.secret}' },
        rules: [saying(200, 'alive'), saying(401, 'dead')],
      },
      revoke: { method: 'DELETE', path: '/keys/${key.id}', headers },
      ...requests,
    },
    ...change,
  };
}

type Rule = Requests['probe']['rules'][number];

function saying(status: number, verdict: Rule['then'], body?: Rule['body']): Rule {
  // biome-ignore lint/suspicious/noThenProperty: a word of keyturn.yaml; nobody awaits a rule
  return { status, ...(body ? { body } : {}), then: verdict };
}

const json =
  (body: unknown, status = 200) =>
  () =>
    new Response(JSON.stringify(body), { status });

issuerContract('the http issuer on a server', async () => {
  const clock = manualClock();
  const server = await startHttpIssuer({ clock, createLag: 2, revokeLag: 5, lastUsedLag: 300, pageSize: 2 });
  const issuer = connectIssuer(
    server.block,
    worldOf(server, { clock, deadline: () => plus(clock.now(), 30) }),
  );
  return { issuer, clock, lagsExactly: true, stop: server.stop };
});

describe('what is sent', () => {
  test('variables are escaped in bodies, encoded in paths and queries, and never expanded twice', async () => {
    const revoke = {
      method: 'POST',
      path: '/keys/${key.id}/end',
      query: { team: '${config.team}', token: '${admin.token}' },
      headers,
      body: { reason: ['"${key.id}"', { n: 1, nothing: null }] },
    } as const;
    const { sent, issuer } = answering({ revoke }, json({}));
    await issuer.revoke('a/b?c#d "${admin.token}"');
    const [{ url, init } = { url: '', init: {} }] = sent;
    expect(new URL(url).pathname).toBe('/api/keys/a%2Fb%3Fc%23d%20%22%24%7Badmin.token%7D%22/end');
    expect(new URL(url).searchParams.get('team')).toBe('blue & green');
    expect(new URL(url).searchParams.get('token')).toContain('"quoted"/?#&');
    expect(JSON.parse(`${init.body}`)).toEqual({
      reason: ['"a/b?c#d "${admin.token}""', { n: 1, nothing: null }],
    });
    expect(init).toMatchObject({ redirect: 'manual', headers: { 'content-type': 'application/json' } });
  });

  test('the end of a key is a time or a number of seconds, and left out when there is none', async () => {
    const create = {
      ...aBlock().requests.create,
      query: { until: '${expiresAt}' },
      body: { ttl: '${expiresInSeconds}', lifetime: '${expiresInSeconds}s', until: ['${expiresAt}'], n: 1 },
    };
    const { sent, issuer } = answering({ create }, json({ id: 'k', secret: `${SENTINEL}-the-key` }, 201));
    const expiresAt = plus(manualClock().now(), 90_000.4);
    expect(await issuer.create({ label: 'x', expiresAt })).toMatchObject({ expiresAt });
    expect(await issuer.create({ label: 'x' })).toMatchObject({ expiresAt: null });
    expect(sent.map(({ url }) => new URL(url).searchParams.get('until'))).toEqual([expiresAt, null]);
    expect(sent.map(({ init }) => JSON.parse(`${init.body}`))).toEqual([
      { ttl: 90_000, lifetime: '90000s', until: [expiresAt], n: 1 },
      { until: [], n: 1 },
    ]);
  });

  test('a key is given an end only by an issuer whose create request has a place for it', async () => {
    const { issuer } = answering({}, json({ id: 'k', secret: `${SENTINEL}-the-key` }, 201));
    expect(issuer.capabilities.expiry).toBe(false);
    const key = await issuer.create({ label: 'x', expiresAt: plus(manualClock().now(), 3600) });
    expect(key.expiresAt).toBeNull();
  });

  test.each(['', '.', '..'])('a key id "%s" never becomes another path', async (keyId) => {
    const { sent, issuer } = answering({}, json({}));
    expect(await failureOf(issuer.revoke(keyId))).toMatchObject({ name: 'IssuerRejected' });
    expect(sent).toEqual([]);
  });

  test('a header value with a line break is refused before anything is sent', async () => {
    const { sent, issuer } = answering({}, json({}));
    const error = await failureOf(issuer.probe(new SecretText(`${SENTINEL}\r\nx-evil: 1`), 'key-1'));
    expect(error).toMatchObject({
      name: 'IssuerRejected',
      message: expect.stringContaining('authorization'),
    });
    expect(sent).toEqual([]);
  });

  test('a field that the admin secret lacks is named', async () => {
    const create = { ...aBlock().requests.create, headers: { 'x-password': '${admin.password}' } };
    const { issuer } = answering({ create }, json({}));
    expect((await failureOf(issuer.create({ label: 'x' }))).message).toContain('no field "password"');
  });

  test('create and list use one admin secret, revoke the other, the probe none', async () => {
    const names: string[] = [];
    const server = await aServer();
    const secret = async (name: string) => {
      names.push(name);
      return { token: new SecretText(server.admin.token) };
    };
    const block = { ...server.block, admin: { create: 'admin/maker', revoke: 'admin/breaker' } };
    const issuer = connectIssuer(block, worldOf(server, { secret }));
    const key = await issuer.create({ label: 'x' });
    await issuer.list();
    await issuer.probe(key.secret, key.keyId);
    await issuer.revoke(key.keyId);
    expect(names).toEqual(['admin/maker', 'admin/breaker']);
    const read = (name: string) => [{ kind: 'secret-read', secret: name }];
    expect(issuerPermissions(block)).toEqual({
      create: read('admin/maker'),
      list: read('admin/maker'),
      probe: [],
      lastUse: [],
      disable: read('admin/breaker'),
      revoke: read('admin/breaker'),
    });
  });

  test('the list and the last use can have an admin secret of their own', async () => {
    const names: string[] = [];
    const server = await aServer({ lastUsedLag: 0 });
    const secret = async (name: string) => {
      names.push(name);
      return { token: new SecretText(server.admin.token) };
    };
    const admin = { create: 'admin/maker', revoke: 'admin/breaker', list: 'admin/reader' };
    const block = { ...server.block, admin };
    const issuer = connectIssuer(block, worldOf(server, { secret }));
    const { keyId } = await issuer.create({ label: 'x' });
    await issuer.list();
    await issuer.lastUse(keyId);
    expect(names).toEqual(['admin/maker', 'admin/reader']);
    expect(issuerPermissions(block)).toMatchObject({
      create: [{ secret: 'admin/maker' }],
      list: [{ secret: 'admin/reader' }],
      lastUse: [{ secret: 'admin/reader' }],
      revoke: [{ secret: 'admin/breaker' }],
    });
  });
});

describe('what becomes of an answer', () => {
  test.each([429, 408, 500, 503])('%i is worth another try', async (status) => {
    const { server, issuer } = await connected();
    server.failNext('create', { status });
    expect(await failureOf(issuer.create({ label: 'x' }))).toMatchObject({
      name: 'IssuerUnavailable',
      message: `POST ${new URL(server.url).host}/v1/keys answered ${status}`,
    });
  });

  test.each([400, 401, 403, 404, 409, 422])('%i is a refusal for good', async (status) => {
    const { server, issuer } = await connected();
    server.failNext('create', { status });
    expect(await failureOf(issuer.create({ label: 'x' }))).toMatchObject({ name: 'IssuerRejected' });
  });

  test.each([301, 302, 307, 308])('a redirect (%i) is not followed, by no call', async (status) => {
    const { server, issuer } = await connected();
    for (const verb of ['create', 'probe', 'revoke'] as const) server.failNext(verb, { status });
    expect(await failureOf(issuer.create({ label: 'x' }))).toMatchObject({ name: 'IssuerRejected' });
    const probe = issuer.probe(new SecretText(`${SENTINEL}-some-key`), 'key-1');
    expect(await failureOf(probe)).toMatchObject({ name: 'IssuerRejected' });
    expect(await failureOf(issuer.revoke('key_1'))).toMatchObject({ name: 'IssuerRejected' });
    expect(server.calls.filter((call) => call.includes('elsewhere'))).toEqual([]);
  });

  test.each(['drop', 'drop-after', 'truncate', 'flood', 'garble', 'noise'] as const)(
    'nobody knows what happened when the server answers with a %s',
    async (fault) => {
      const { server, issuer } = await connected();
      server.failNext('create', fault);
      expect(await failureOf(issuer.create({ label: 'x' }))).toMatchObject({ name: 'IssuerUnavailable' });
      expect(server.keys()).toHaveLength(fault === 'drop' ? 0 : 1);
    },
  );

  test('a server that nobody can reach is unavailable, and the cause says how', async () => {
    const { server, issuer } = await connected();
    await server.stop();
    const error = await failureOf(issuer.create({ label: 'x' }));
    expect(error).toMatchObject({ name: 'IssuerUnavailable', cause: expect.any(Error) });
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('a silent server is given up after the timeout, and after half of the time that is left', async () => {
    const clock = manualClock();
    const { server, issuer } = await connected({}, { clock, deadline: () => plus(clock.now(), 0.2) });
    server.failNext('create', 'hang');
    const begun = performance.now();
    expect(await failureOf(issuer.create({ label: 'x' }))).toMatchObject({ name: 'IssuerUnavailable' });
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  test('without time left nothing is sent', async () => {
    const clock = manualClock();
    const { server, issuer } = await connected({}, { clock, deadline: () => clock.now() });
    expect(await failureOf(issuer.create({ label: 'x' }))).toMatchObject({ name: 'IssuerUnavailable' });
    expect(server.calls).toEqual([]);
  });

  test('an error that tells everything is cut to its names and codes', async () => {
    const fake: typeof fetch = async (_url, init) => {
      throw new TypeError(`could not send ${JSON.stringify(init)}`, { cause: new Error(`${SENTINEL}`) });
    };
    const secret = async () => ({ token: new SecretText(`${SENTINEL}-admin`) });
    const issuer = connectIssuer(aBlock(), worldOf({ admin: { token: '' } }, { fetch: fake, secret }));
    expect((await failureOf(issuer.revoke('key_1'))).message).toContain('TypeError');
  });

  test('an admin secret that cannot be read is unavailable, without the text that it held', async () => {
    const secret = async (): Promise<never> => {
      throw new SyntaxError(`Unexpected token in ${SENTINEL}`);
    };
    const { issuer } = await connected({}, { secret });
    expect(await failureOf(issuer.list())).toMatchObject({
      name: 'IssuerUnavailable',
      message: 'the admin secret admin/http-issuer could not be read: SyntaxError',
    });
  });

  test.each([404, 410])('a revoke that is answered %i is fine', async (status) => {
    const { server, issuer } = await connected();
    server.failNext('revoke', { status });
    await issuer.revoke('key_1');
  });
});

describe('the created key', () => {
  const created = (body: unknown) => answering({}, json(body, 201)).issuer.create({ label: 'x' });

  test('has its id, its secret, and the time of its end', async () => {
    const { issuer } = await connected({ expiresAt: 1_800_000_000 });
    const key = await issuer.create({ label: 'keyturn-1' });
    expect(key).toMatchObject({ keyId: 'key_1', expiresAt: '2027-01-15T08:00:00.000Z' });
    expect(key.secret).toBeInstanceOf(SecretText);
  });

  test('ends when it was asked to, and lives as long as the issuer likes when it was not', async () => {
    const clock = manualClock();
    const { issuer } = await connected({ clock }, { clock, deadline: () => plus(clock.now(), 30) });
    const expiresAt = plus(clock.now(), 3600);
    const short = await issuer.create({ label: 'short', expiresAt });
    const long = await issuer.create({ label: 'long' });
    expect(issuer.capabilities.expiry).toBe(true);
    expect([short.expiresAt, long.expiresAt]).toEqual([expiresAt, null]);
    await clock.sleep(3600);
    expect(await issuer.probe(short.secret, short.keyId)).toBe('dead');
    expect(await issuer.probe(long.secret, long.keyId)).toBe('alive');
  });

  test('is refused when its secret is too short to be fingerprinted', async () => {
    const error = await failureOf(created({ id: 'k', secret: 'nineteen characters' }));
    expect(error).toMatchObject({
      name: 'IssuerRejected',
      message: expect.stringContaining('19 characters'),
    });
  });

  test('is refused when its id shows its secret', async () => {
    const secret = `${SENTINEL}-the-key`;
    const error = await failureOf(created({ id: `id:${secret}`, secret }));
    expect(error).toMatchObject({ name: 'IssuerRejected' });
  });

  test.each([
    [{ secret: `${SENTINEL}-the-key` }],
    [{ id: {}, secret: `${SENTINEL}-the-key` }],
    [{ id: 'k' }],
    [{ id: 'k', secret: 1234567890123456 }],
    [['k']],
    [null],
  ])('is unavailable when the answer has it elsewhere: %#', async (body) => {
    expect(await failureOf(created(body))).toMatchObject({ name: 'IssuerUnavailable' });
  });

  test('may have a number as its id', async () => {
    expect(await created({ id: 17, secret: `${SENTINEL}-the-key` })).toMatchObject({ keyId: '17' });
    const largest = Number.MAX_SAFE_INTEGER;
    expect(await created({ id: largest, secret: `${SENTINEL}-the-key` })).toMatchObject({
      keyId: '9007199254740991',
    });
  });

  test.each(['9007199254740993', '-9007199254740993', '1e400', '1.5'])(
    'is never taken for another: a number that may have been rounded is no id (%s)',
    async (id) => {
      // As text, since a literal would be rounded here already.
      const answer = () => new Response(`{ "id": ${id}, "secret": "${SENTINEL}-the-key" }`);
      const list = { method: 'GET', path: '/keys', answer: { keys: 'keys', keyId: 'id' } } as const;
      const pages = () => new Response(`{ "keys": [{ "id": ${id} }] }`);
      const expected = {
        name: 'IssuerUnavailable',
        message: expect.stringContaining(
          '"id" is not an id: a number must be whole and at most 9007199254740991',
        ),
      };
      expect(await failureOf(answering({}, answer).issuer.create({ label: 'x' }))).toMatchObject(expected);
      expect(await failureOf(answering({ list }, pages).issuer.list())).toMatchObject(expected);
    },
  );
});

describe('the list', () => {
  const list = (answer: Partial<NonNullable<Requests['list']>['answer']>) =>
    ({ method: 'GET', path: '/keys', headers, answer: { keys: '', keyId: 'id', ...answer } }) as const;

  test('goes through all pages by cursor', async () => {
    const { server, issuer } = await connected({ pageSize: 2 });
    for (let at = 1; at <= 5; at += 1) await issuer.create({ label: `keyturn-${at}` });
    const listed = await issuer.list();
    expect(listed.map(({ label }) => label)).toEqual([1, 2, 3, 4, 5].map((at) => `keyturn-${at}`));
    expect(server.calls.filter((call) => call.startsWith('GET /v1/keys'))).toHaveLength(3);
  });

  test('follows addresses of next pages on the same host only', async () => {
    const pages = [
      { keys: [{ id: 'a' }], next: '/api/keys?page=2' },
      { keys: [{ id: 'b' }], next: 'https://elsewhere.example/keys' },
    ];
    const { sent, issuer } = answering({ list: list({ keys: 'keys', next: 'next' }) }, () =>
      json(pages.shift())(),
    );
    const error = await failureOf(issuer.list());
    expect(error).toMatchObject({
      name: 'IssuerRejected',
      message: expect.stringContaining('elsewhere.example'),
    });
    expect(sent.map(({ url }) => url)).toEqual([
      'https://issuer.example/api/keys',
      'https://issuer.example/api/keys?page=2',
    ]);
  });

  test('goes to no page whose cursor may have been rounded', async () => {
    const { sent, issuer } = answering(
      { list: list({ keys: 'keys', next: 'next', cursor: 'after' }) },
      () => new Response('{ "keys": [], "next": 9007199254740993 }'),
    );
    expect(await failureOf(issuer.list())).toMatchObject({
      name: 'IssuerUnavailable',
      message: expect.stringContaining('"next" is not a next page'),
    });
    expect(sent).toHaveLength(1);
  });

  test('ends after so many pages, rather than never', async () => {
    const { sent, issuer } = answering({ list: list({ keys: 'keys', next: 'next' }) }, () =>
      json({ keys: [], next: '/api/keys' })(),
    );
    expect(await failureOf(issuer.list())).toMatchObject({ name: 'IssuerRejected' });
    expect(sent).toHaveLength(100);
  });

  test('may be the answer itself, with times in several notations', async () => {
    const keys = [
      { id: 1, at: '2026-03-02T09:00:00+01:00' },
      { id: 2, at: 1_772_438_400 },
      { id: 3, at: 1_772_438_400_000 },
      { id: 4, at: null },
    ];
    const { issuer } = answering({ list: list({ createdAt: 'at' }) }, json(keys));
    const createdAt = '2026-03-02T08:00:00.000Z';
    expect(await issuer.list()).toEqual([
      { keyId: '1', createdAt },
      { keyId: '2', createdAt },
      { keyId: '3', createdAt },
      { keyId: '4' },
    ]);
  });

  test.each([[{ keys: [] }], ['text'], [[{ id: null }]], [[{ id: 'a', at: 'yesterday' }]]])(
    'is unavailable when it is not as declared: %j',
    async (body) => {
      const { issuer } = answering({ list: list({ createdAt: 'at' }) }, json(body));
      expect(await failureOf(issuer.list())).toMatchObject({ name: 'IssuerUnavailable' });
    },
  );
});

describe('the last use', () => {
  const capabilities = { ...aBlock().capabilities, lastUsedLag: '5m' };

  test.each([
    [404, 'IssuerRejected'],
    [403, 'IssuerRejected'],
    [429, 'IssuerUnavailable'],
    [503, 'IssuerUnavailable'],
  ])('is not known after a %i: %s', async (status, name) => {
    const lastUse = {
      method: 'GET',
      path: '/keys/${key.id}',
      headers,
      answer: { lastUsedAt: 'used' },
    } as const;
    const { issuer } = answering({ lastUse }, json({}, status), { capabilities });
    expect(await failureOf(issuer.lastUse('key-1'))).toMatchObject({ name });
  });

  test('is asked for as the block says', async () => {
    const body = { keyId: '${key.id}' };
    const lastUse = { method: 'POST', path: '/keys.get', body, answer: { lastUsedAt: 'used' } } as const;
    const { sent, issuer } = answering({ lastUse }, json({ used: 0, denied: 5 }), { capabilities });
    expect(await issuer.lastUse('key "1"')).toEqual({
      lastUsedAt: '1970-01-01T00:00:00.000Z',
      lastDeniedAt: null,
    });
    expect(JSON.parse(`${sent[0]?.init.body}`)).toEqual({ keyId: 'key "1"' });
  });
});

describe('the probe', () => {
  const answerTo = (rules: readonly Rule[], answer: () => Response) => {
    const probe = { ...aBlock().requests.probe, rules: [...rules] };
    return answering({ probe }, answer).issuer.probe(new SecretText(`${SENTINEL}-the-key`), 'key-1');
  };
  const rules = [
    saying(200, 'alive', { user: { name: '${config.team}' } }),
    saying(200, 'dead', { user: null }),
    saying(403, 'forbidden'),
    saying(401, 'dead'),
  ];

  test.each([
    [{ user: { name: 'blue & green', more: 1 } }, 200, 'alive'],
    [{ user: { name: 'red' } }, 200, 'unknown'],
    [{}, 200, 'dead'],
    [{ user: null }, 200, 'dead'],
    [[], 200, 'unknown'],
    ['text', 200, 'unknown'],
    [{}, 403, 'forbidden'],
    [{}, 401, 'dead'],
    [{}, 404, 'unknown'],
    [{}, 429, 'unknown'],
    [{}, 500, 'unknown'],
  ])('takes the first rule that fits: %j with %i is %s', async (body, status, expected) => {
    expect(await answerTo(rules, json(body, status))).toBe(expected);
  });

  test('an answer without JSON fits rules without body only', async () => {
    expect(await answerTo(rules, () => new Response('<html>', { status: 200 }))).toBe('unknown');
    expect(await answerTo(rules, () => new Response('<html>', { status: 401 }))).toBe('dead');
  });

  test('a pattern does not match what an object inherits', async () => {
    expect(await answerTo([saying(200, 'alive', { constructor: {} }), ...rules], json({}))).toBe('dead');
  });

  test('a live key without rights is forbidden, not dead', async () => {
    const { server, issuer } = await connected();
    const { keyId, secret } = await issuer.create({ label: 'x' });
    server.forbid(keyId);
    expect(await issuer.probe(secret, keyId)).toBe('forbidden');
  });
});

describe('where it may call', () => {
  test('a loopback host without TLS only in mode demo, also when the file was accepted', async () => {
    const { server, issuer } = await connected({}, { mode: 'production' });
    expect((await failureOf(issuer.list())).message).toContain('TLS');
    expect(server.calls).toEqual([]);
  });

  test.each([
    'http://issuer.example',
    'ftp://issuer.example',
    'https://user:pass@issuer.example',
    'https://issuer.example/?a=b',
    'issuer.example',
  ])('never %s', (baseUrl) => {
    expect(issuerBlockSchema.safeParse({ ...aBlock(), baseUrl }).success).toBe(false);
  });

  test('further hosts when the block lists them', async () => {
    const pages = [{ keys: [], next: 'https://pages.example/2' }, { keys: [{ id: 'b' }] }];
    const request = {
      method: 'GET',
      path: '/keys',
      answer: { keys: 'keys', keyId: 'id', next: 'next' },
    } as const;
    const { issuer } = answering({ list: request }, () => json(pages.shift())(), {
      hosts: ['pages.example'],
    });
    expect(await issuer.list()).toEqual([{ keyId: 'b' }]);
  });
});

describe('the block', () => {
  const mistakesOf = (block: unknown): readonly string[] => {
    const { error } = issuerBlockSchema.safeParse(block);
    return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
  };
  const { create, probe, revoke } = aBlock().requests;

  test('is accepted as it was accepted before: it is stored and read again', () => {
    const once = issuerBlockSchema.parse({
      type: 'http',
      baseUrl: 'https://issuer.example',
      admin: 'admin/issuer',
      capabilities: { maxLiveKeys: 2, createLag: '0s', revokeLag: '10m' },
      requests: { create, probe, revoke },
    });
    expect(issuerBlockSchema.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });

  test('derives capabilities from the calls that are there', () => {
    expect(issuerCapabilities(aBlock())).toEqual({
      create: 'api',
      maxLiveKeys: 2,
      named: false,
      list: false,
      disable: false,
      lastUsedLag: null,
      reportsDenied: false,
      expiry: false,
      keyIdInCalls: false,
      exclusive: false,
      createLag: 2,
      revokeLag: 60,
      probes: 3,
    });
  });

  test.each<readonly [what: string, requests: Partial<Requests>, mistake: string]>([
    [
      'a key secret outside the probe',
      { create: { ...create, path: '/${key.secret}' } },
      'requests.create.path',
    ],
    ['a key id in create', { create: { ...create, body: { a: ['${key.id}'] } } }, 'requests.create.body.a.0'],
    ['a label in revoke', { revoke: { ...revoke, query: { l: '${label}' } } }, 'requests.revoke.query.l'],
    [
      'an admin field in the probe',
      { probe: { ...probe, query: { t: '${admin.token}' } } },
      'requests.probe.query.t',
    ],
    ['an unknown config field', { create: { ...create, path: '/${config.tema}' } }, 'requests.create.path'],
    [
      "a key's end in the path",
      { create: { ...create, path: '/keys/${expiresInSeconds}' } },
      'requests.create',
    ],
    ["a key's end in revoke", { revoke: { ...revoke, body: ['${expiresAt}'] } }, 'requests.revoke.body.0'],
    ['an unclosed variable', { create: { ...create, path: '/${label' } }, 'requests.create.path'],
    [
      'a variable in a name',
      { create: { ...create, body: { '${label}': 1 } } },
      'requests.create.body.${label}',
    ],
    [
      'the key in a rule',
      { probe: { ...probe, rules: [...probe.rules, saying(200, 'dead', { k: '${key.secret}' })] } },
      'requests.probe.rules.2.body.k',
    ],
    ['a revoke without the key', { revoke: { ...revoke, path: '/keys' } }, 'requests.revoke'],
    ['a probe without the secret', { probe: { ...probe, headers: {} } }, 'requests.probe'],
    ['a GET with a body', { create: { ...create, method: 'GET', body: {} } }, 'requests.create.body'],
    [
      'a probe that never says dead',
      { probe: { ...probe, rules: [saying(200, 'alive')] } },
      'requests.probe.rules',
    ],
    [
      'a rule that tells nothing',
      { probe: { ...probe, rules: [...probe.rules, saying(503, 'dead')] } },
      'requests.probe.rules.2.status',
    ],
    ['disable without enable', { disable: { ...revoke, method: 'POST' } }, 'requests.disable'],
    [
      'an id that is the secret',
      { create: { ...create, answer: { keyId: 'secret', secret: 'secret' } } },
      'requests.create.answer.keyId',
    ],
    ['a path that leaves the base', { revoke: { ...revoke, path: '/../${key.id}' } }, 'requests.revoke.path'],
    [
      'a header of the connection',
      { create: { ...create, headers: { Host: 'evil' } } },
      'requests.create.headers.Host',
    ],
  ])('refuses %s', (_what, requests, mistake) => {
    expect(mistakesOf(aBlock(requests))).toEqual([expect.stringContaining(`${mistake}: `)]);
  });

  test.each([
    [undefined, 'requests.lastUse', 'is missing: say how long it takes until a use shows'],
    ['5m', undefined, 'is of no use without requests.lastUse'],
    ['8d', 'requests.lastUse', 'expected a duration such as 10s, 15m, 4h or 30d, from 0s to 7d'],
  ])(
    'needs a lag of the last use where it is asked for, and nowhere else: %j with %s',
    (lastUsedLag, request, mistake) => {
      const capabilities = { ...aBlock().capabilities, ...(lastUsedLag && { lastUsedLag }) };
      const lastUse = { method: 'GET', path: '/keys/${key.id}', answer: { lastUsedAt: 'used' } } as const;
      const mistakes = mistakesOf(aBlock(request ? { lastUse } : {}, { capabilities }));
      expect(mistakes).toEqual([expect.stringContaining(`capabilities.lastUsedLag: ${mistake}`)]);
    },
  );

  test('derives from the paths of the last use whether refused calls are told', () => {
    const capabilities = { ...aBlock().capabilities, lastUsedLag: '5m' };
    const told = (answer: LastUseRequest['answer']) => {
      const lastUse = { method: 'GET', path: '/keys/${key.id}', answer } as const;
      return issuerCapabilities(aBlock({ lastUse }, { capabilities }));
    };
    expect(told({ lastUsedAt: 'used' })).toMatchObject({ lastUsedLag: 300, reportsDenied: false });
    expect(told({ lastUsedAt: 'used', lastDeniedAt: 'denied' })).toMatchObject({ reportsDenied: true });
    expect(() => told({ lastUsedAt: 'used', lastDeniedAt: 'used' })).toThrow(
      'every use would count as a refused call',
    );
  });

  test('refuses to be named without a label in create', () => {
    const { capabilities } = aBlock();
    const mistakes = mistakesOf(aBlock({}, { capabilities: { ...capabilities, named: true } }));
    expect(mistakes).toEqual([expect.stringContaining('capabilities.named')]);
  });

  test.each(['*', 'admin/*', 'admin/????', 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:admin', ''])(
    'takes names of admin secrets only, since they stand in roles: not %j',
    (name) => {
      const error = expect.stringMatching(/^admin.*no ARN and no wildcard/);
      expect(mistakesOf(aBlock({}, { admin: name }))).toEqual([error]);
      const each = { create: 'admin/maker', revoke: 'admin/killer', list: 'admin/reader' };
      for (const verb of ['create', 'revoke', 'list']) {
        expect(issuerBlockSchema.safeParse(aBlock({}, { admin: { ...each, [verb]: name } })).success).toBe(
          false,
        );
      }
    },
  );

  test('stands for one account as long as its origin and its config stay', () => {
    const account = issuerAccount(aBlock({}, { config: { team: 'blue', of: 'x' } }));
    expect(account).toBe('http https://issuer.example {"of":"x","team":"blue"}');
    const same: Partial<HttpBlock> = {
      baseUrl: 'https://ISSUER.example:443/v2',
      admin: 'admin/renamed',
      hosts: ['pages.example'],
      config: { of: 'x', team: 'blue' },
      timeout: '20s',
    };
    expect(issuerAccount(aBlock({}, same))).toBe(account);
    for (const change of [{ baseUrl: 'https://other.example' }, { config: { of: 'x', team: 'red' } }]) {
      expect(issuerAccount(aBlock({}, { ...same, ...change }))).not.toBe(account);
    }
  });

  test('of an unknown type names those there are', () => {
    expect(() => connectIssuer({ ...aBlock(), type: 'htpp' }, worldOf({ admin: { token: '' } }))).toThrow(
      'expected one of aws-iam, http',
    );
  });

  test('that is wrong is refused when it is connected, too', () => {
    expect(() => connectIssuer({ type: 'http' }, worldOf({ admin: { token: '' } }))).toThrow('baseUrl');
  });
});
