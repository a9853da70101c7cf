/**
 * An issuer of keys as a real HTTP server on loopback, for tests that need sockets: the `http` issuer's own, and
 * those of the whole system on the local cloud. `block` describes it as keyturn.yaml would.
 *
 * Spec (all bodies JSON):
 * - Admin calls carry `authorization: Bearer <adminToken>`; without it 401.
 * - `POST /v1/keys {label, expires_at?}` → 201 `{key: {id, label, created_at, expires_at}, secret}`. `created_at` is
 *   ISO text, `expires_at` null or epoch seconds: what was asked for as ISO text, unless the server sets an end of its
 *   own. From then on it is as if it had never been. The secret contains the sentinel. `limit` keys at most, else 409.
 * - `GET /v1/keys?after=<cursor>` → 200 `{data: [{id, label, created_at, disabled}], next}`, `pageSize` at a time;
 *   `next` is a cursor or null. A key is listed from `createLag` after its creation until `revokeLag` after its
 *   revoke.
 * - `DELETE /v1/keys/<id>` → 204; unknown or already revoked → 404.
 * - `POST /v1/keys/<id>/disable`, `…/enable` → 200; unknown → 404.
 * - `GET /v1/keys/<id>/usage` → 200 `{last_used_at, last_denied_at}`, the one ISO text, the other epoch milliseconds, null
 *   for never; unknown → 404. A probe with a live key is a use, one with a disabled key is a refused call; both show
 *   `lastUsedLag` later. The block asks for it only when that lag is given.
 * - `GET /v1/whoami` with `authorization: Bearer <secret>`, the probe → 200 `{active: true}` for a live key, 200
 *   `{active: false}` for a disabled one, 403 for a live one that `forbid` was called on, 401 for everything else,
 *   also within `createLag`; within `revokeLag` a revoked key still answers as before.
 * - A fault is met once, by the next call of its verb, and has no effect on keys, but for `drop-after`.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { IssuerBlock } from '../../lib/issuers/index.ts';
import type { Clock } from '../../lib/rotation/ports.ts';
import { type Instant, instant, plus } from '../../lib/usage/instant.ts';
import { SENTINEL } from '../support/sentinel.ts';
import { lastUseBook } from './last-use-book.ts';

type HttpIssuerVerb = 'create' | 'list' | 'probe' | 'lastUse' | 'revoke' | 'disable' | 'enable';

type Fault =
  /** Answers with this status, and with the request's secrets in its body and headers. */
  | { readonly status: number }
  /** Never answers. */
  | 'hang'
  /** Closes the connection before, or after, the call has had its effect. */
  | 'drop'
  | 'drop-after'
  /** Has its effect, and answers with something else: half of it, too much, text that is no JSON, raw noise. */
  | 'truncate'
  | 'flood'
  | 'garble'
  | 'noise';

interface HttpIssuerKey {
  readonly id: string;
  readonly label: string | null;
  readonly secret: string;
  readonly createdAt: Instant;
  readonly disabled: boolean;
  readonly forbidden: boolean;
  readonly revokedAt: Instant | null;
  readonly expiresAt: Instant | null;
}

export interface HttpIssuerOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Seconds. @default 0 */
  readonly createLag?: number;
  /** Seconds. @default 0 */
  readonly revokeLag?: number;
  /** Seconds. @default the block does not ask when keys are used */
  readonly lastUsedLag?: number;
  /** @default 50 */
  readonly pageSize?: number;
  /** @default none */
  readonly limit?: number;
  /** When keys end by themselves, in epoch seconds. @default null */
  readonly expiresAt?: number | null;
  /** @default makes one with the sentinel */
  readonly makeSecret?: () => string;
}

export interface HttpIssuer {
  readonly url: string;
  /** Fields of the admin secret. */
  readonly admin: Readonly<Record<'token', string>>;
  /** The issuer block of keyturn.yaml for it; needs `mode: demo`. */
  readonly block: Extract<IssuerBlock, { type: 'http' }>;
  /** Every call so far: `POST /v1/keys`. */
  readonly calls: readonly string[];
  keys(): readonly HttpIssuerKey[];
  /** Ends a key's rights but not the key. */
  forbid(id: string): void;
  failNext(verb: HttpIssuerVerb, fault: Fault): void;
  stop(): Promise<void>;
}

interface Call {
  readonly verb: HttpIssuerVerb;
  readonly id: string;
  readonly url: URL;
  readonly bearer: string;
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

export async function startHttpIssuer(options: HttpIssuerOptions): Promise<HttpIssuer> {
  const admin = { token: `${SENTINEL}-admin-${randomUUID()}` };
  const calls: string[] = [];
  const faults: { verb: HttpIssuerVerb; fault: Fault }[] = [];
  const book = keyBook(options);
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    calls.push(`${request.method} ${request.url}`);
    const call = await readCall(request);
    if (!call) {
      send(response, { status: 404 });
      return;
    }
    const at = faults.findIndex(({ verb }) => verb === call.verb);
    const [met] = at < 0 ? [] : faults.splice(at, 1);
    const isAllowed = call.verb === 'probe' || call.bearer === admin.token;
    const answer = () => (isAllowed ? book.answer(call) : { status: 401, body: { error: 'who are you' } });
    if (met) misbehave(response, met.fault, call, answer);
    else send(response, answer());
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    admin,
    block: blockFor(url, options),
    calls,
    keys: book.keys,
    forbid: book.forbid,
    failNext: (verb, fault) => void faults.push({ verb, fault }),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function keyBook(options: HttpIssuerOptions) {
  const { clock, createLag = 0, revokeLag = 0, pageSize = 50, limit = Number.POSITIVE_INFINITY } = options;
  const keys = new Map<string, HttpIssuerKey>();
  const uses = lastUseBook({ clock, lag: options.lastUsedLag ?? 0 });
  const makeSecret = options.makeSecret ?? (() => `${SENTINEL}-key-${randomUUID()}`);
  const isKnown = ({ createdAt, revokedAt, expiresAt }: HttpIssuerKey): boolean => {
    const now = clock.now();
    const isOver = expiresAt !== null && expiresAt <= now;
    return (
      !isOver && plus(createdAt, createLag) <= now && (revokedAt === null || now < plus(revokedAt, revokeLag))
    );
  };
  const change = (id: string, fields: Partial<HttpIssuerKey>): Answer => {
    const key = keys.get(id);
    if (!key || key.revokedAt !== null) return { status: 404, body: { error: 'no such key' } };
    keys.set(id, { ...key, ...fields });
    return { status: 200, body: {} };
  };
  const create = ({ body }: Call): Answer => {
    if ([...keys.values()].filter(({ revokedAt }) => revokedAt === null).length >= limit)
      return { status: 409 };
    const label = textIn(body, 'label');
    const key = { id: `key_${keys.size + 1}`, label, secret: makeSecret(), createdAt: clock.now() };
    const asked = textIn(body, 'expires_at');
    const expires_at = options.expiresAt ?? (asked === null ? null : Date.parse(asked) / 1000);
    const expiresAt = expires_at === null ? null : instant(expires_at * 1000);
    keys.set(key.id, { ...key, disabled: false, forbidden: false, revokedAt: null, expiresAt });
    const { id, createdAt, secret } = key;
    return { status: 201, body: { key: { id, label, created_at: createdAt, expires_at }, secret } };
  };
  const list = ({ url }: Call): Answer => {
    const from = Number(url.searchParams.get('after') ?? 0);
    const known = [...keys.values()].filter(isKnown);
    const data = known
      .slice(from, from + pageSize)
      .map(({ id, label, createdAt, disabled }) => ({ id, label, created_at: createdAt, disabled }));
    return {
      status: 200,
      body: { data, next: from + pageSize < known.length ? `${from + pageSize}` : null },
    };
  };
  const probe = ({ bearer }: Call): Answer => {
    const key = [...keys.values()].find(({ secret }) => secret === bearer);
    if (!key || !isKnown(key)) return { status: 401, body: { error: 'invalid key' } };
    if (key.disabled) uses.refused(key.id);
    else uses.accepted(key.id);
    return key.forbidden ? { status: 403 } : { status: 200, body: { active: !key.disabled } };
  };
  const lastUse = ({ id }: Call): Answer => {
    if (keys.get(id)?.revokedAt !== null) return { status: 404, body: { error: 'no such key' } };
    const { lastUsedAt, lastDeniedAt } = uses.of(id);
    const last_denied_at = lastDeniedAt === null ? null : Date.parse(lastDeniedAt);
    return { status: 200, body: { last_used_at: lastUsedAt, last_denied_at } };
  };
  const revoke = ({ id }: Call): Answer => {
    const { status } = change(id, { revokedAt: clock.now() });
    return { status: status === 200 ? 204 : status };
  };
  const answers: Readonly<Record<HttpIssuerVerb, (call: Call) => Answer>> = {
    create,
    list,
    probe,
    lastUse,
    revoke,
    disable: ({ id }) => change(id, { disabled: true }),
    enable: ({ id }) => change(id, { disabled: false }),
  };
  return {
    answer: (call: Call): Answer => answers[call.verb](call),
    keys: () => [...keys.values()],
    forbid: (id: string) => void change(id, { forbidden: true }),
  };
}

async function readCall(request: IncomingMessage): Promise<Call | undefined> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const [, first, second, id = '', action] = url.pathname.split('/').map(decodeURIComponent);
  const what = `${request.method} ${first}/${second}${id && '/id'}${action ? `/${action}` : ''}`;
  const verb = verbs[what];
  const bearer = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  return verb && { verb, id, url, bearer, body: await text(request) };
}

const verbs: Readonly<Record<string, HttpIssuerVerb>> = {
  'POST v1/keys': 'create',
  'GET v1/keys': 'list',
  'GET v1/whoami': 'probe',
  'DELETE v1/keys/id': 'revoke',
  'GET v1/keys/id/usage': 'lastUse',
  'POST v1/keys/id/disable': 'disable',
  'POST v1/keys/id/enable': 'enable',
};

function textIn(body: string, field: string): string | null {
  const parsed: unknown = JSON.parse(body);
  const found = typeof parsed === 'object' && parsed ? new Map(Object.entries(parsed)).get(field) : null;
  return typeof found === 'string' ? found : null;
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function misbehave(response: ServerResponse, fault: Fault, call: Call, answer: () => Answer): void {
  if (typeof fault === 'object') echo(response, fault.status, call);
  else if (fault === 'drop') response.socket?.destroy();
  else if (fault !== 'hang') spoil(response, fault, answer());
}

/** A server that helps its users by telling them all that they sent. */
function echo(response: ServerResponse, status: number, { bearer, body }: Call): void {
  response.setHeader('location', `/elsewhere?token=${encodeURIComponent(bearer)}`);
  response.setHeader('x-echo', encodeURIComponent(bearer));
  send(response, { status, body: { error: `you sent ${bearer} and ${body}` } });
}

function spoil(
  response: ServerResponse,
  fault: Exclude<Fault, object | 'drop' | 'hang'>,
  { status, body }: Answer,
): void {
  const whole = JSON.stringify(body ?? {});
  const hangUp = () => response.socket?.destroy();
  if (fault === 'drop-after') hangUp();
  if (fault === 'truncate') {
    response.writeHead(status, { 'content-length': whole.length }).write(whole.slice(0, -2), hangUp);
  }
  if (fault === 'flood') response.writeHead(status).end(`{"filler":"${'x'.repeat(2 * 1024 * 1024)}"}`);
  if (fault === 'garble') response.writeHead(status).end(`${whole} and ${whole}`);
  if (fault === 'noise') response.socket?.write(`HTTP/9 ${whole}\r\n\r\n`, hangUp);
}

type Rule = HttpIssuer['block']['requests']['probe']['rules'][number];

function rule(status: number, verdict: Rule['then'], body?: Rule['body']): Rule {
  // biome-ignore lint/suspicious/noThenProperty: a word of keyturn.yaml; nobody awaits a rule
  return { status, ...(body ? { body } : {}), then: verdict };
}

function blockFor(url: string, options: HttpIssuerOptions): HttpIssuer['block'] {
  const { createLag = 0, revokeLag = 0, lastUsedLag } = options;
  const headers = { authorization: 'Bearer ${admin.token}' };
  const ofKey = (action = '') => ({ path: `/v1/keys/\${key.id}${action}`, headers });
  return {
    type: 'http',
    baseUrl: url,
    admin: 'admin/http-issuer',
    config: {},
    exclusive: true,
    timeout: '10s',
    capabilities: {
      named: true,
      maxLiveKeys: 10,
      createLag: `${createLag}s`,
      revokeLag: `${revokeLag}s`,
      ...(lastUsedLag === undefined ? {} : { lastUsedLag: `${lastUsedLag}s` }),
      probes: 2,
    },
    requests: {
      create: {
        method: 'POST',
        path: '/v1/keys',
        headers,
        body: { label: '${label}', expires_at: '${expiresAt}' },
        answer: { keyId: 'key.id', secret: 'secret', expiresAt: 'key.expires_at' },
      },
      list: {
        method: 'GET',
        path: '/v1/keys',
        headers,
        answer: {
          keys: 'data',
          keyId: 'id',
          label: 'label',
          createdAt: 'created_at',
          next: 'next',
          cursor: 'after',
        },
      },
      probe: {
        method: 'GET',
        path: '/v1/whoami',
        headers: { authorization: 'Bearer ${key.secret}' },
        rules: [
          rule(200, 'alive', { active: true }),
          rule(200, 'dead', { active: false }),
          rule(403, 'forbidden'),
          rule(401, 'dead'),
        ],
      },
      ...(lastUsedLag === undefined
        ? {}
        : {
            lastUse: {
              method: 'GET',
              ...ofKey('/usage'),
              answer: { lastUsedAt: 'last_used_at', lastDeniedAt: 'last_denied_at' },
            },
          }),
      revoke: { method: 'DELETE', ...ofKey() },
      disable: { method: 'POST', ...ofKey('/disable') },
      enable: { method: 'POST', ...ofKey('/enable') },
    },
  };
}
