/**
 * A vendor whose keys can be disabled and whose API says when they were used and refused: a real HTTP server on
 * loopback, for functions of the deployed stack and for consumers that call with keys. `block` describes it as
 * keyturn.yaml would.
 *
 * Spec (all bodies JSON; of no one vendor: `enabled` and `lastUsedAt` in epoch milliseconds are as Unkey has them, a
 * refused call's own time is what none of the vendors that we know tells):
 * - `/keys` takes `authorization: Bearer <adminToken>`; without it 401.
 * - `POST /keys {label}` → 201 `{id, label, createdAt, key}`; the key, a secret with the sentinel, is shown this once.
 *   Of `maxKeys` keys ever, the next create is 409.
 * - `GET /keys` → 200 `{keys: [{id, label, createdAt, enabled}]}`, disabled ones too, revoked ones not.
 * - `GET /keys/<id>` → 200 the same with `lastUsedAt` and `lastDeniedAt`: epoch milliseconds, null for never,
 *   `lastUsedLag` seconds late. A disabled key's refused call is a denied one, not a use.
 * - `PATCH /keys/<id> {enabled}` → 200, at once, and again as often as one likes.
 * - `DELETE /keys/<id>` → 204, at once and for ever. `/keys/<id>` of an unknown or revoked key → 404.
 * - `GET /me`, the probe, and `GET /work`, what consumers come for, both with `authorization: Bearer <key>` → 200 for an
 *   enabled key, 401 for a disabled, revoked or unknown one. Both are uses; only `/work` is counted in `calls`.
 * - Of the last `maxCalls` calls each is known.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import type { IssuerBlock } from '../../lib/issuers/index.ts';
import type { Clock } from '../../lib/rotation/ports.ts';
import { type Instant, instant, type Seconds } from '../../lib/usage/instant.ts';
import { SENTINEL } from '../support/sentinel.ts';
import { lastUseBook } from './last-use-book.ts';

const maxKeys = 1_000;
const maxCalls = 100_000;

export interface VendorKey {
  readonly keyId: string;
  readonly label: string;
  readonly createdAt: Instant;
  readonly state: 'enabled' | 'disabled' | 'revoked';
}

/** One call of a consumer. */
export interface VendorCall {
  /** Null when the vendor has never made this key. */
  readonly keyId: string | null;
  readonly at: Instant;
  readonly status: 200 | 401;
}

export interface VendorIssuer {
  readonly url: string;
  /** Field `token` of the admin secret. */
  readonly adminToken: string;
  /** The issuer block of keyturn.yaml for it, for `mode: demo`. */
  block(adminSecretName: string): Extract<IssuerBlock, { type: 'http' }>;
  /** A consumer's call over the socket. @returns its status */
  work(key: string): Promise<number>;
  /** The consumers' calls so far, in order. */
  calls(): readonly VendorCall[];
  /** Every key ever made, in order. */
  keys(): readonly VendorKey[];
  stop(): Promise<void>;
}

export interface VendorIssuerOptions {
  /** @default one that is free */
  readonly port?: number;
  /** @default the system's */
  readonly clock?: Pick<Clock, 'now'>;
  /** Whole seconds. @default 1 */
  readonly lastUsedLag?: Seconds;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

export async function startVendorIssuer(options: VendorIssuerOptions = {}): Promise<VendorIssuer> {
  const { port = 0, clock = { now: () => instant(Date.now()) }, lastUsedLag = 1 } = options;
  const adminToken = `${SENTINEL}-vendor-admin-${randomUUID()}`;
  const book = keyBook(clock, lastUsedLag);
  const answerTo = async (request: IncomingMessage): Promise<Answer> => {
    const { method = '', url = '/' } = request;
    const bearer = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    const [, place, id] = url.split('/');
    if (method === 'GET' && place === 'me') return book.me(bearer);
    if (method === 'GET' && place === 'work') return book.work(bearer);
    if (bearer !== adminToken) return { status: 401 };
    return place === 'keys' ? ofKeys(book, method, id, request) : { status: 404 };
  };
  const server = createServer((request, response) => {
    answerTo(request).then(
      (answer) => send(response, answer),
      () => send(response, { status: 400 }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : port}`;
  return {
    url,
    adminToken,
    block: (admin) => blockFor(url, admin, lastUsedLag),
    work: async (key) => {
      const response = await fetch(`${url}/work`, { headers: { authorization: `Bearer ${key}` } });
      await response.arrayBuffer();
      return response.status;
    },
    calls: () => [...book.calls],
    keys: () => [...book.keys.values()],
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type KeyBook = ReturnType<typeof keyBook>;

function keyBook(clock: Pick<Clock, 'now'>, lag: Seconds) {
  const keys = new Map<string, VendorKey>();
  const idOf = new Map<string, string>();
  const calls: VendorCall[] = [];
  const uses = lastUseBook({ clock, lag });
  const live = (id: string): VendorKey | undefined => {
    const key = keys.get(id);
    return key?.state === 'revoked' ? undefined : key;
  };
  const use = (secret: string): { readonly keyId: string | null; readonly status: 200 | 401 } => {
    const keyId = idOf.get(secret) ?? null;
    const key = keyId === null ? undefined : live(keyId);
    if (key?.state === 'enabled') uses.accepted(key.keyId);
    if (key?.state === 'disabled') uses.refused(key.keyId);
    return { keyId, status: key?.state === 'enabled' ? 200 : 401 };
  };
  return {
    keys,
    calls,
    live,
    lastUse: uses.of,
    me: (secret: string): Answer => {
      const { keyId, status } = use(secret);
      return status === 200 ? { status, body: { id: keyId } } : { status };
    },
    work: (secret: string): Answer => {
      const { keyId, status } = use(secret);
      calls.push({ keyId, at: clock.now(), status });
      if (calls.length > maxCalls) calls.shift();
      return { status };
    },
    create: (label: string): Answer => {
      if (keys.size >= maxKeys) return { status: 409 };
      const key: VendorKey = {
        keyId: `vk_${keys.size + 1}`,
        label,
        createdAt: clock.now(),
        state: 'enabled',
      };
      const secret = `${SENTINEL}-vendor-${randomUUID()}`;
      keys.set(key.keyId, key);
      idOf.set(secret, key.keyId);
      return { status: 201, body: { ...shown(key), key: secret } };
    },
    change: (key: VendorKey, state: VendorKey['state']): void => {
      keys.set(key.keyId, { ...key, state });
    },
  };
}

async function ofKeys(
  book: KeyBook,
  method: string,
  id: string | undefined,
  request: IncomingMessage,
): Promise<Answer> {
  if (id === undefined) {
    if (method === 'POST') return book.create(textIn(await json(request), 'label'));
    const live = [...book.keys.values()].filter(({ state }) => state !== 'revoked');
    return { status: 200, body: { keys: live.map(shown) } };
  }
  const key = book.live(decodeURIComponent(id));
  if (!key) return { status: 404 };
  if (method === 'GET') {
    const { lastUsedAt, lastDeniedAt } = book.lastUse(key.keyId);
    return {
      status: 200,
      body: { ...shown(key), lastUsedAt: epoch(lastUsedAt), lastDeniedAt: epoch(lastDeniedAt) },
    };
  }
  if (method === 'DELETE') {
    book.change(key, 'revoked');
    return { status: 204 };
  }
  book.change(key, fieldIn(await json(request), 'enabled') === true ? 'enabled' : 'disabled');
  return { status: 200, body: {} };
}

const shown = ({ keyId, label, createdAt, state }: VendorKey) => ({
  id: keyId,
  label,
  createdAt,
  enabled: state === 'enabled',
});

const epoch = (at: Instant | null): number | null => (at === null ? null : Date.parse(at));

const fieldIn = (body: unknown, field: string): unknown =>
  typeof body === 'object' && body !== null ? new Map(Object.entries(body)).get(field) : undefined;

const textIn = (body: unknown, field: string): string => `${fieldIn(body, field) ?? ''}`;

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function blockFor(url: string, admin: string, lag: Seconds): ReturnType<VendorIssuer['block']> {
  const headers = { authorization: 'Bearer ${admin.token}' };
  const ofKey = { path: '/keys/${key.id}', headers };
  const rule = (status: number, verdict: 'alive' | 'dead') => ({
    status,
    // biome-ignore lint/suspicious/noThenProperty: a word of keyturn.yaml; nobody awaits a rule
    then: verdict,
  });
  return {
    type: 'http',
    baseUrl: url,
    admin,
    config: {},
    exclusive: true,
    timeout: '10s',
    capabilities: {
      named: true,
      maxLiveKeys: maxKeys,
      createLag: '0s',
      revokeLag: '0s',
      lastUsedLag: `${lag}s`,
      probes: 2,
    },
    requests: {
      create: {
        method: 'POST',
        path: '/keys',
        headers,
        body: { label: '${label}' },
        answer: { keyId: 'id', secret: 'key' },
      },
      list: {
        method: 'GET',
        path: '/keys',
        headers,
        answer: { keys: 'keys', keyId: 'id', label: 'label', createdAt: 'createdAt' },
      },
      probe: {
        method: 'GET',
        path: '/me',
        headers: { authorization: 'Bearer ${key.secret}' },
        rules: [rule(200, 'alive'), rule(401, 'dead')],
      },
      lastUse: {
        method: 'GET',
        ...ofKey,
        answer: { lastUsedAt: 'lastUsedAt', lastDeniedAt: 'lastDeniedAt' },
      },
      disable: { method: 'PATCH', ...ofKey, body: { enabled: false } },
      enable: { method: 'PATCH', ...ofKey, body: { enabled: true } },
      revoke: { method: 'DELETE', ...ofKey },
    },
  };
}
