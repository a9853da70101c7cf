/** The issuer for any JSON API that makes keys: keyturn.yaml describes its calls, no code is written. */
import { callHttp, type HttpAnswer, type HttpOptions, mayPass } from '../plug-ins/http-client.ts';
import type { Need } from '../plug-ins/need.ts';
import { IssuerRejected, IssuerUnavailable } from '../rotation/errors.ts';
import type { Capabilities, Issuer, ListedKey, ProbeAnswer } from '../rotation/ports.ts';
import { withoutDetails } from '../rotation/without-details.ts';
import { secondsBetween } from '../usage/instant.ts';
import { type AdminFields, defineIssuer, type IssuerWorld } from './define-issuer.ts';
import { secondsOf } from './durations.ts';
import { matches } from './http-answers.ts';
import { type HttpBlock, type HttpRequest, httpBlock, type ListRequest } from './http-block.ts';
import { nextPage, readCreated, readPage } from './http-keys.ts';
import { readLastUse } from './http-last-use.ts';
import { buildCall } from './http-request.ts';
import { expiryVariables, type HttpVerb, mentions } from './http-variables.ts';
import { expandJson, type Value, type Variables } from './templates.ts';

/** Pages of a list that are read; more keys than these hold is no list to rotate by. */
const maxPages = 100;

/** An issuer that is described, not programmed. Its schema is `http-block.ts`. */
export const http = defineIssuer({
  type: 'http',
  config: httpBlock,
  permissions: (block) => ({
    create: [adminNeed(block, 'create')],
    list: [adminNeed(block, 'list')],
    probe: [],
    lastUse: block.requests.lastUse ? [adminNeed(block, 'lastUse')] : [],
    disable: block.requests.disable ? [adminNeed(block, 'disable')] : [],
    revoke: [adminNeed(block, 'revoke')],
  }),
  capabilities: capabilitiesOf,
  account: accountOf,
  connect,
});

function capabilitiesOf({ capabilities, exclusive, requests }: HttpBlock): Capabilities {
  return {
    create: 'api',
    maxLiveKeys: capabilities.maxLiveKeys,
    named: capabilities.named,
    list: requests.list !== undefined,
    disable: requests.disable !== undefined,
    lastUsedLag: capabilities.lastUsedLag === undefined ? null : secondsOf(capabilities.lastUsedLag),
    reportsDenied: requests.lastUse?.answer.lastDeniedAt !== undefined,
    expiry: expiryVariables.some((name) => mentions(requests.create, name)),
    keyIdInCalls: false,
    exclusive,
    createLag: secondsOf(capabilities.createLag),
    revokeLag: secondsOf(capabilities.revokeLag),
    probes: capabilities.probes,
  };
}

/** Not by its admin secret, which may be renamed: what tells two accounts of one server apart is in `config`. */
function accountOf({ baseUrl, config }: HttpBlock): string {
  const fields = Object.entries(config).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${new URL(baseUrl).origin} ${JSON.stringify(Object.fromEntries(fields))}`;
}

function connect(block: HttpBlock, world: IssuerWorld): Issuer {
  const { requests } = block;
  const capabilities = capabilitiesOf(block);
  const exchange = exchangeWith(block, world);
  const change = async (
    verb: 'disable' | 'enable' | 'revoke',
    keyId: string,
    fine: readonly number[] = [],
  ) => {
    const { request, answer, where } = await exchange(verb, { 'key.id': keyId }, requests[verb]);
    if (!fine.includes(answer.status)) accept(request, answer, where);
  };
  return {
    capabilities,
    create: async ({ label, expiresAt = null }) => {
      const expiresInSeconds = expiresAt && Math.floor(secondsBetween(world.clock.now(), expiresAt));
      const own = { label, expiresAt, expiresInSeconds };
      const { request, answer, where } = await exchange('create', own, requests.create);
      const created = readCreated(request.answer, accept(request, answer, where), where);
      // An answer that does not say when the key ends is taken at its word for what was asked.
      return capabilities.expiry ? { ...created, expiresAt: created.expiresAt ?? expiresAt } : created;
    },
    list: () => listAll(exchange, requests.list),
    probe: async (secret) => {
      const { request, answer } = await exchange('probe', { 'key.secret': secret }, requests.probe);
      return judge(request.rules, answer, configOf(block));
    },
    lastUse: async (keyId) => {
      const { request, answer, where } = await exchange('lastUse', { 'key.id': keyId }, requests.lastUse);
      return readLastUse(request.answer, accept(request, answer, where), where);
    },
    // A key that is not there is what was wanted; whether it is dead, the probe or the list must say.
    revoke: (keyId) => change('revoke', keyId, [404, 410]),
    disable: (keyId) => change('disable', keyId),
    enable: (keyId) => change('enable', keyId),
  };
}

type Exchange = ReturnType<typeof exchangeWith>;

/** One request and its answer, whatever its status; `next` replaces the address, for the pages of a list. */
function exchangeWith(block: HttpBlock, world: IssuerWorld) {
  return async <Request extends HttpRequest>(
    verb: HttpVerb,
    own: Readonly<Record<string, Value>>,
    request: Request | undefined,
    next?: URL,
  ) => {
    if (!request) throw new IssuerRejected(`this issuer cannot do that: its block has no requests.${verb}`);
    const admin = verb === 'probe' ? new Map() : await adminOf(block, verb, world);
    const call = buildCall(block, request, new Map([...configOf(block), ...admin, ...Object.entries(own)]));
    const url = next ?? call.url;
    const answer: HttpAnswer = await callHttp({ ...call, url }, optionsFor(block, world));
    return { request, answer, where: call.where, url };
  };
}

function optionsFor({ baseUrl, hosts = [], timeout }: HttpBlock, world: IssuerWorld): HttpOptions {
  return {
    errors: { Rejected: IssuerRejected, Unavailable: IssuerUnavailable },
    fetch: world.fetch,
    hosts: [new URL(baseUrl).host, ...hosts],
    plainLoopback: world.mode === 'demo',
    timeout: secondsOf(timeout),
    clock: world.clock,
    deadline: () => world.deadline(),
  };
}

/** The JSON of a 2xx. @throws IssuerUnavailable when it may be worth another try, IssuerRejected when not. */
function accept({ method }: HttpRequest, { status, json }: HttpAnswer, where: string): unknown {
  if (status >= 200 && status < 300) return json;
  const text = `${where} answered ${status}`;
  if (mayPass(status)) throw new IssuerUnavailable(text);
  const advice =
    status === 401 || status === 403 ? 'check the admin secret and what it may do' : `check this ${method}`;
  throw new IssuerRejected(`${text}: ${advice}`);
}

/** Every page of the list. */
async function listAll(exchange: Exchange, list: ListRequest | undefined): Promise<readonly ListedKey[]> {
  const keys: ListedKey[] = [];
  let next: URL | undefined;
  for (let page = 1; page <= maxPages; page += 1) {
    const { request, answer, where, url } = await exchange('list', {}, list, next);
    const json = accept(request, answer, where);
    keys.push(...readPage(request.answer, json, where));
    next = nextPage(request.answer, json, url, where);
    if (!next) return keys;
  }
  throw new IssuerRejected(
    `the issuer's list has more than ${maxPages} pages: give keyturn an account of its own`,
  );
}

/** The first rule that fits. */
function judge(
  rules: HttpBlock['requests']['probe']['rules'],
  { status, json }: HttpAnswer,
  config: Variables,
): ProbeAnswer {
  const rule = rules.find(
    ({ status: wanted, body }) => wanted === status && (!body || matches(json, expandJson(body, config))),
  );
  return rule?.then ?? 'unknown';
}

function configOf({ config }: HttpBlock): Variables {
  return new Map(Object.entries(config).map(([field, value]) => [`config.${field}`, value]));
}

async function adminOf(
  block: HttpBlock,
  verb: Exclude<HttpVerb, 'probe'>,
  world: IssuerWorld,
): Promise<Variables> {
  const name = adminSecretFor(block, verb);
  const fields = await readAdmin(name, world);
  return new Map(Object.entries(fields).map(([field, value]) => [`admin.${field}`, value]));
}

async function readAdmin(name: string, world: IssuerWorld): Promise<AdminFields> {
  try {
    return await world.secret(name);
  } catch (error) {
    const cause = withoutDetails(error);
    throw new IssuerUnavailable(`the admin secret ${name} could not be read: ${cause.message}`, { cause });
  }
}

function adminNeed(block: HttpBlock, verb: Exclude<HttpVerb, 'probe'>): Need {
  return { kind: 'secret-read', secret: adminSecretFor(block, verb) };
}

function adminSecretFor({ admin }: HttpBlock, verb: Exclude<HttpVerb, 'probe'>): string {
  if (typeof admin === 'string') return admin;
  if (verb === 'list' || verb === 'lastUse') return admin.list ?? admin.create;
  return verb === 'create' ? admin.create : admin.revoke;
}
