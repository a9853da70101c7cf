/** The block of an `http` issuer in keyturn.yaml: its requests, and which variable may stand where in them. */
import * as z from 'zod';
import { secretName } from '../plug-ins/aws-names.ts';
import { isBareAddress, mayPass } from '../plug-ins/http-client.ts';
import { durationText } from './durations.ts';
import {
  expiryVariables,
  httpVerbs,
  isMap,
  type Mistake,
  mentions,
  templateMistakes,
} from './http-variables.ts';
import type { Json } from './templates.ts';

const text = z.string().min(1);
const dottedPath = z.string().regex(/^[^.]+(\.[^.]+)*$/, {
  error: 'expected names joined by dots, such as data.id',
});
const fieldName = z.string().regex(/^[A-Za-z0-9_-]+$/, { error: 'expected letters, digits, - and _' });
const upToTenMinutes = durationText({ min: '0s', max: '10m' });
const upToAWeek = durationText({ min: '0s', max: '7d' });
const host = z.string().regex(/^([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?$/, {
  error: 'expected a host in lower case, with its port if it is not 443, such as api.example.com',
});
const json: z.ZodType<Json> = z.json();

/** What the server of an issuer would take as its own, or what the connection is made of. */
const reservedHeaders = ['connection', 'content-length', 'host', 'transfer-encoding', 'upgrade'];

const headers = z.record(
  z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, { error: 'expected the name of a header' })
    .refine((name) => !reservedHeaders.includes(name.toLowerCase()), {
      error: 'this header is not yours to set',
    }),
  z.string(),
);

const request = {
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  /** Follows `baseUrl`; a variable's value is URL-encoded, so it stays one segment. */
  path: z.string().regex(/^(?!.*\/(\.|%2e){1,2}(\/|$))\/[^?#\\\s]*$/i, {
    error: 'expected a path that starts with /, without "?", "#" and "..": the query has its own field',
  }),
  query: z.record(text, z.string()).optional(),
  headers: headers.optional(),
  /** Sent as JSON. */
  body: json.optional(),
};

const simpleRequest = z.strictObject(request);

const createRequest = z.strictObject({
  ...request,
  answer: z.strictObject({
    keyId: dottedPath,
    secret: dottedPath,
    /** When the key ends. @default when it was asked to end, if it was */
    expiresAt: dottedPath.optional(),
  }),
});

const listRequest = z.strictObject({
  ...request,
  answer: z.strictObject({
    /** Where the list is; `''` or `'.'` when the answer itself is the list. */
    keys: z.union([z.literal(''), z.literal('.'), dottedPath]),
    keyId: dottedPath,
    label: dottedPath.optional(),
    createdAt: dottedPath.optional(),
    /** Where the next page's address is, or its cursor when `cursor` is given; none, null or empty ends the list. */
    next: dottedPath.optional(),
    /** Name of the query parameter that takes the cursor. */
    cursor: text.optional(),
  }),
});

const lastUseRequest = z.strictObject({
  ...request,
  answer: z.strictObject({
    /** When the key was last used: ISO 8601 with its offset, or a number since 1970; null for never. */
    lastUsedAt: dottedPath,
    /** When a call with the key was last refused, one with a disabled key too. */
    lastDeniedAt: dottedPath.optional(),
    /** The issuer leaves a time out when there was none. @default a time that is not there is an error */
    absentMeansNever: z.boolean().optional(),
  }),
});

/** Other statuses say nothing about a key: redirects, "too many", "later", and the server's own failures. */
const tellingStatus = z.int().refine((status) => isTelling(status), {
  error: 'expected a status that says something about a key: 2xx, or 4xx without 408, 425 and 429',
});

const probeRequest = z.strictObject({
  ...request,
  /** The first rule that fits decides; when none does, the answer is `unknown`. */
  rules: z
    .array(
      z.strictObject({
        status: tellingStatus,
        /** What the answer's JSON must have at least; null means null or not there. */
        body: z.record(z.string(), json).optional(),
        // biome-ignore lint/suspicious/noThenProperty: a word of the file's language; the object is never awaited
        then: z.enum(['alive', 'forbidden', 'dead']),
      }),
    )
    .min(1),
});

const block = z.strictObject({
  type: z.literal('http'),
  /** Without credentials, query and fragment; http only for loopback hosts, and only in `mode: demo`. */
  baseUrl: z.string().refine(isBareAddress, {
    error: 'expected an https address without user, query and fragment (http only for a loopback host)',
  }),
  /** Further hosts that may be called, for addresses of next pages. @default only the host of `baseUrl` */
  hosts: z.array(host).optional(),
  /** Name of the Secrets Manager secret whose JSON fields are `${admin.<field>}`; several if the calls differ. */
  admin: z.union(
    [
      secretName,
      z.strictObject({
        create: secretName,
        revoke: secretName,
        /** For all steps that list or ask for the last use. @default that of `create` */
        list: secretName.optional(),
      }),
    ],
    { error: 'expected the name of a secret, or { create, revoke, list }' },
  ),
  /** Values for `${config.<field>}`. */
  config: z.record(fieldName, z.string()).default({}),
  /** Nobody but this installation makes keys under the admin's account. */
  exclusive: z.boolean().default(false),
  /** Longest wait for one answer. */
  timeout: durationText({ min: '1s', max: '60s' }).default('10s'),
  capabilities: z.strictObject({
    /** Keys carry `${label}` and the list shows it. */
    named: z.boolean().default(false),
    /** Keys that may live at a time, for one credential. */
    maxLiveKeys: z.int().min(1),
    /** Until a created key is accepted, and listed, everywhere. */
    createLag: upToTenMinutes,
    /** Until a revoked key is refused, and unlisted, everywhere. */
    revokeLag: upToTenMinutes,
    /** Until a use of a key shows in the answer to `lastUse`. */
    lastUsedLag: upToAWeek.optional(),
    /** Answers in a row that make a proof. */
    probes: z.int().min(2).max(20).default(3),
  }),
  requests: z.strictObject({
    create: createRequest,
    list: listRequest.optional(),
    probe: probeRequest,
    lastUse: lastUseRequest.optional(),
    disable: simpleRequest.optional(),
    enable: simpleRequest.optional(),
    revoke: simpleRequest,
  }),
});

export type HttpBlock = z.output<typeof block>;
export type HttpRequest = z.output<typeof simpleRequest>;
export type CreateRequest = z.output<typeof createRequest>;
export type ListRequest = z.output<typeof listRequest>;
export type LastUseRequest = z.output<typeof lastUseRequest>;

export const httpBlock = block
  // Looks at what is there, even where another part of the block is wrong, so that one reading shows every mistake.
  .superRefine((found, context) => report(templateMistakes(found), context), {
    when: ({ value }) => isMap(value),
  })
  .superRefine((found, context) => report(contradictions(found), context));

function report(mistakes: readonly Mistake[], context: z.core.$RefinementCtx): void {
  for (const { path, ...rest } of mistakes) context.addIssue({ code: 'custom', path: [...path], ...rest });
}

function contradictions({ capabilities, requests }: HttpBlock): readonly Mistake[] {
  const { create, list, probe, disable, enable } = requests;
  const at = (...path: readonly PropertyKey[]) => ({ because: (message: string) => ({ path, message }) });
  const bodiless = httpVerbs.filter(
    (verb) => requests[verb]?.method === 'GET' && requests[verb].body !== undefined,
  );
  const missingRules = (['alive', 'dead'] as const).filter((then) =>
    probe.rules.every((rule) => rule.then !== then),
  );
  return [
    ...bodiless.map((verb) => at('requests', verb, 'body').because('a GET has no body')),
    ...missingRules.map((then) => at('requests', 'probe', 'rules').because(`no rule ever says "${then}"`)),
    ...(create.answer.keyId === create.answer.secret
      ? [at('requests', 'create', 'answer', 'keyId').because('is the secret itself: name a public id')]
      : []),
    ...(expiryVariables.some((name) => mentions([create.path, create.headers], name))
      ? [at('requests', 'create').because('may use the end of the key in its query and body only')]
      : []),
    ...(disable && !enable ? [at('requests', 'disable').because('needs "enable", to take it back')] : []),
    ...(enable && !disable ? [at('requests', 'enable').because('is of no use without "disable"')] : []),
    ...lastUseContradictions(capabilities.lastUsedLag, requests.lastUse),
    ...(capabilities.named && !mentions(create, 'label')
      ? [at('capabilities', 'named').because('is true, but requests.create does not use ${label}')]
      : []),
    ...(capabilities.named && list && !list.answer.label
      ? [at('capabilities', 'named').because('is true, but requests.list.answer has no "label"')]
      : []),
    ...(list?.answer.cursor !== undefined && list.answer.next === undefined
      ? [at('requests', 'list', 'answer', 'cursor').because('needs "next", the place where the cursor is')]
      : []),
  ];
}

function lastUseContradictions(
  lag: string | undefined,
  lastUse: LastUseRequest | undefined,
): readonly Mistake[] {
  const path = ['capabilities', 'lastUsedLag'];
  if (!lastUse) return lag === undefined ? [] : [{ path, message: 'is of no use without requests.lastUse' }];
  const { lastUsedAt, lastDeniedAt } = lastUse.answer;
  return [
    ...(lag === undefined
      ? [
          {
            path,
            message: 'is missing: say how long it takes until a use shows in the answer to requests.lastUse',
          },
        ]
      : []),
    ...(lastDeniedAt === lastUsedAt
      ? [
          {
            path: ['requests', 'lastUse', 'answer', 'lastDeniedAt'],
            message: 'is the place of lastUsedAt: every use would count as a refused call',
          },
        ]
      : []),
  ];
}

function isTelling(status: number): boolean {
  return (status >= 200 && status < 300) || (status >= 400 && !mayPass(status));
}
