/** Which variable may stand where in the requests of an `http` issuer block. */
import { hasUnclosed, variablesIn } from './templates.ts';

/** The calls of a block, by their names in it. */
export const httpVerbs = ['create', 'list', 'probe', 'lastUse', 'disable', 'enable', 'revoke'] as const;

export type HttpVerb = (typeof httpVerbs)[number];

/** One mistake that no single field shows. */
export interface Mistake {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Shown by keyturn.yaml's reader together with the nearest known name. */
  readonly params?: { readonly received: string; readonly known: readonly string[] };
}

/** When the key is to end: null for keys that are to live as long as the issuer likes. */
export const expiryVariables = ['expiresAt', 'expiresInSeconds'] as const;

/** Variables by the calls that know them, beside `${config.<field>}`, which all know. */
const variablesOf: Readonly<Record<HttpVerb, readonly string[]>> = {
  create: ['admin.<field>', 'label', ...expiryVariables],
  list: ['admin.<field>'],
  // A probe shows what the key can do, so it is made with the key alone. The steps that probe also list, and so may
  // read the secret for that: `admin.list`, else `admin.create`.
  probe: ['key.secret'],
  lastUse: ['admin.<field>', 'key.id'],
  disable: ['admin.<field>', 'key.id'],
  enable: ['admin.<field>', 'key.id'],
  revoke: ['admin.<field>', 'key.id'],
};

/** Without these a call would not be about the key in question. */
const neededVariable: Readonly<Partial<Record<HttpVerb, string>>> = {
  probe: 'key.secret',
  lastUse: 'key.id',
  disable: 'key.id',
  enable: 'key.id',
  revoke: 'key.id',
};

/** Variables that their place does not know, or lacks. Takes any value: the block may have other mistakes. */
export function templateMistakes(found: unknown): readonly Mistake[] {
  const config = fieldOf(found, 'config');
  const fields = isMap(config) ? Object.keys(config).map((field) => `config.${field}`) : [];
  return httpVerbs.flatMap((verb) => {
    const path = ['requests', verb];
    const asked = fieldOf(fieldOf(found, 'requests'), verb);
    if (!isMap(asked)) return [];
    const { rules, answer: _paths, ...sent } = asked;
    const known = [...fields, ...variablesOf[verb]];
    return [
      ...illegalVariables(sent, known, path),
      ...illegalVariables(rules, fields, [...path, 'rules']),
      ...missingVariable(sent, verb),
    ];
  });
}

function illegalVariables(
  value: unknown,
  known: readonly string[],
  path: readonly PropertyKey[],
): readonly Mistake[] {
  if (typeof value === 'string') {
    const illegal = variablesIn(value).filter((name) => !isKnown(name, known));
    const unclosed = hasUnclosed(value)
      ? [{ path, message: 'begins a variable with ${ and does not end it with }' }]
      : [];
    return [...illegal.map((name) => unknownVariable(name, known, path)), ...unclosed];
  }
  if (Array.isArray(value)) return value.flatMap((item, at) => illegalVariables(item, known, [...path, at]));
  if (!isMap(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(key.includes('${')
      ? [{ path: [...path, key], message: 'variables stand in values, never in names' }]
      : []),
    ...illegalVariables(inner, known, [...path, key]),
  ]);
}

function isKnown(name: string, known: readonly string[]): boolean {
  const [, adminField] = /^admin\.([A-Za-z0-9_-]+)$/.exec(name) ?? [];
  return known.includes(adminField === undefined ? name : 'admin.<field>') && !name.includes('<');
}

function unknownVariable(name: string, known: readonly string[], path: readonly PropertyKey[]): Mistake {
  const list = known.map((each) => `\${${each}}`).join(', ') || 'none';
  return {
    path,
    message: `\${${name}} is not known here; known: ${list}`,
    params: {
      received: name,
      known: known.map((each) => each.replace('<field>', name.replace(/^[^.]*\./, ''))),
    },
  };
}

function missingVariable(sent: Readonly<Record<string, unknown>>, verb: HttpVerb): readonly Mistake[] {
  const needed = neededVariable[verb];
  if (needed === undefined || mentions(sent, needed)) return [];
  return [
    { path: ['requests', verb], message: `must use \${${needed}} in its path, query, headers or body` },
  ];
}

/** Whether a variable stands anywhere in the value. */
export function mentions(value: unknown, name: string): boolean {
  if (typeof value === 'string') return variablesIn(value).includes(name);
  return (
    value !== null && typeof value === 'object' && Object.values(value).some((inner) => mentions(inner, name))
  );
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

const fieldOf = (value: unknown, field: string): unknown => (isMap(value) ? value[field] : undefined);
