/**
 * A real npm registry (Verdaccio) on loopback: the demo's issuer of keys. It holds accounts, their tokens and the
 * private packages that only a live token can read; it asks no other registry for anything.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as z from 'zod';
import { childEnvironment } from './cloud.ts';
import { endWithParent, newLogFile, node, verdaccio } from './paths.ts';
import { answers, onFreePort, startProcess, waitUntilReady } from './processes.ts';

export interface RegistryOptions {
  /** The run's private directory; the registry keeps everything in a folder of its own there. */
  readonly directory: string;
  /** @default a free one */
  readonly port?: number;
  /** @default a new file under `.local/logs` */
  readonly logFile?: string;
}

export interface Account {
  readonly name: string;
  readonly password: string;
  /** The login's own token: it is in no list and cannot be revoked, unlike those that `createToken` makes. */
  readonly token: string;
}

export type ListedToken = z.infer<typeof ListedToken>;
const ListedToken = z.object({
  key: z.string(),
  token: z.string(),
  created: z.union([z.string(), z.number()]),
});

export type CreatedToken = z.infer<typeof CreatedToken>;
const CreatedToken = z.object({ key: z.string(), token: z.string() });

export interface Registry {
  readonly url: string;
  readonly logFile: string;
  readonly addUser: (name: string) => Promise<Account>;
  /** Publishes version 1.0.0 of a tiny package, so that reading `package` answers 200 to a live token. */
  readonly publish: (packageName: string, token: string) => Promise<void>;
  /** One at a time: the registry loses all but a few of the first tokens created in parallel. */
  readonly createToken: (account: Account) => Promise<CreatedToken>;
  readonly listTokens: (token: string) => Promise<readonly ListedToken[]>;
  /** Answers alike for a key that does not exist. */
  readonly deleteToken: (key: string, token: string) => Promise<void>;
  /** The status tells revoked (403) from live (200); garbage is 200 without a name. */
  readonly whoami: (
    token: string,
  ) => Promise<{ readonly status: number; readonly username?: string | undefined }>;
  /** The status of reading a package's document with this token. */
  readonly read: (packageName: string, token: string) => Promise<number>;
  readonly stop: () => Promise<void>;
}

export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { directory, port, logFile = newLogFile('registry') } = options;
  const home = join(directory, 'registry');
  await mkdir(home, { recursive: true, mode: 0o700 });
  await writeFile(join(home, 'config.yaml'), configuration);
  const start = (chosen: number) => startVerdaccio(chosen, home, logFile);
  const { url, stop } = port === undefined ? await onFreePort(start) : await start(port);
  return { ...client(url), url, logFile, stop };
}

/** YAML is a superset of JSON. Below `warn` the log would show the tokens that are part of some addresses. */
const configuration = JSON.stringify({
  storage: './storage',
  auth: { htpasswd: { file: './htpasswd', algorithm: 'bcrypt', rounds: 4 } },
  uplinks: {},
  packages: { '@demo/*': { access: '$authenticated', publish: '$authenticated' }, '**': {} },
  web: { enable: false },
  userRateLimit: { windowMs: 1_000, max: 10_000 },
  log: { type: 'stdout', format: 'pretty', colors: false, level: 'warn' },
});

async function startVerdaccio(port: number, home: string, logFile: string) {
  const url = `http://127.0.0.1:${port}`;
  const config = join(home, 'config.yaml');
  const verdaccioProcess = await startProcess({
    name: 'registry',
    command: node,
    args: ['--import', endWithParent, verdaccio, '--config', config, '--listen', `127.0.0.1:${port}`],
    env: { ...childEnvironment(home), NODE_OPTIONS: '--no-deprecation' },
    logFile,
  });
  await waitUntilReady(verdaccioProcess, () => answers(`${url}/-/ping`));
  return { url, stop: verdaccioProcess.stop };
}

function client(url: string): Omit<Registry, 'url' | 'logFile' | 'stop'> {
  const call = (method: string, path: string, body?: object, token?: string) =>
    request(`${url}${path}`, { method, body, token });
  return {
    addUser: async (name) => {
      const password = randomBytes(18).toString('base64url');
      const path = `/-/user/org.couchdb.user:${encodeURIComponent(name)}`;
      const answer = await done(call('PUT', path, { name, password }));
      return { name, password, token: z.object({ token: z.string() }).parse(answer).token };
    },
    publish: async (packageName, token) => {
      await done(call('PUT', packagePath(packageName), packageDocument(url, packageName), token));
    },
    createToken: async ({ password, token }) => {
      const body = { password, readonly: false, cidr_whitelist: [] };
      return CreatedToken.parse(await done(call('POST', '/-/npm/v1/tokens', body, token)));
    },
    listTokens: async (token) => {
      const answer = await done(call('GET', '/-/npm/v1/tokens', undefined, token));
      return z.object({ objects: z.array(ListedToken) }).parse(answer).objects;
    },
    deleteToken: async (key, token) => {
      await done(call('DELETE', `/-/npm/v1/tokens/token/${encodeURIComponent(key)}`, undefined, token));
    },
    whoami: async (token) => {
      const { status, body } = await call('GET', '/-/whoami', undefined, token);
      return { status, username: z.object({ username: z.string().optional() }).parse(body).username };
    },
    read: async (packageName, token) =>
      (await call('GET', packagePath(packageName), undefined, token)).status,
  };
}

interface Call {
  readonly method: string;
  readonly body: object | undefined;
  readonly token: string | undefined;
}

interface Answer {
  readonly request: string;
  readonly status: number;
  readonly body: unknown;
}

async function request(url: string, { method, body, token }: Call): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const answer: unknown = await response.json();
  return { request: `${method} ${new URL(url).pathname}`, status: response.status, body: answer };
}

/** The body of a 2xx; neither the request's body nor its token is ever part of the error. */
async function done(answer: Promise<Answer>): Promise<unknown> {
  const { request, status, body } = await answer;
  if (status >= 200 && status < 300) return body;
  const { error } = z.object({ error: z.string().optional() }).catch({}).parse(body);
  throw new Error(`registry: ${request} answered ${status}: ${error ?? 'no reason given'}`);
}

const packagePath = (packageName: string): string => `/${packageName.replace('/', '%2f')}`;

/** What `npm publish` sends. */
function packageDocument(url: string, name: string) {
  const version = '1.0.0';
  const manifest = { name, version, description: 'a package that only a live token can read' };
  const tarball = gzipSync(tarOf('package/package.json', `${JSON.stringify(manifest, undefined, 2)}\n`));
  const file = `${name.replace(/^@[^/]+\//, '')}-${version}.tgz`;
  const dist = {
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    shasum: createHash('sha1').update(tarball).digest('hex'),
    tarball: `${url}/${name}/-/${file}`,
  };
  const attachment = {
    content_type: 'application/octet-stream',
    data: tarball.toString('base64'),
    length: tarball.length,
  };
  return {
    _id: name,
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
    _attachments: { [file]: attachment },
  };
}

/** An archive of one file, in 512-byte blocks: header, content, and two empty blocks for the end. */
function tarOf(path: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  const bytes = Buffer.from(content);
  const octal = (value: number) => `${value.toString(8).padStart(11, '0')}\0`;
  header.write(path, 0);
  header.write('0000644\0', 100);
  header.write(octal(bytes.length), 124);
  header.write(octal(0), 136);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, bytes, Buffer.alloc(512 - (bytes.length % 512) + 1024)]);
}
