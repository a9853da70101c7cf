/** Templates in an issuer block: `${name}` inside string values, each inserted as its place demands. */
import { IssuerRejected } from '../rotation/errors.ts';
import { SecretText } from '../rotation/secret-text.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * What is inserted: secrets stay wrapped until then; a number stays one where a text is nothing but its variable;
 * null is for what has no value this time.
 */
export type Value = string | number | SecretText | null;

/** Values by the name that templates know them by. */
export type Variables = ReadonlyMap<string, Value>;

const placeholder = /\$\{([^}]*)\}/g;

/** Names between `${` and `}`, in order. */
export function variablesIn(text: string): readonly string[] {
  return [...text.matchAll(placeholder)].map(([, name = '']) => name);
}

/** Whether a `${` has no `}` after it. */
export const hasUnclosed = (text: string): boolean => /\$\{[^}]*$/.test(text);

/** Whether the text needs a value that there is none of this time: the field with it is then left out. */
export const lacksValue = (text: string, variables: Variables): boolean =>
  variablesIn(text).some((name) => variables.get(name) === null);

/**
 * The text with its variables inserted, each passed through `encode`. What is inserted is never expanded again.
 * @throws IssuerRejected when a variable has no value; for an admin field, because the admin secret lacks it.
 */
export function expand(
  text: string,
  variables: Variables,
  encode: (value: string) => string = (value) => value,
): string {
  return text.replace(placeholder, (_match, name: string) => encode(valueFor(name, variables)));
}

/**
 * The JSON value with the variables in its strings inserted, without the fields that lack a value; serialising it
 * afterwards escapes them.
 */
export function expandJson(value: Json, variables: Variables): Json {
  if (typeof value === 'string') return numberFor(value, variables) ?? expand(value, variables);
  if (value === null || typeof value !== 'object') return value;
  const isThere = (item: Json) => typeof item !== 'string' || !lacksValue(item, variables);
  if (isList(value)) return value.filter(isThere).map((item) => expandJson(item, variables));
  const fields = Object.entries(value).filter(([, item]) => isThere(item));
  return Object.fromEntries(fields.map(([key, item]) => [key, expandJson(item, variables)]));
}

/** `Array.isArray`, which TypeScript does not let narrow readonly arrays. */
export const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

/** The number that the text is nothing but the variable of. */
function numberFor(text: string, variables: Variables): number | undefined {
  const [name = ''] = variablesIn(text);
  const value = text === `\${${name}}` ? variables.get(name) : undefined;
  return typeof value === 'number' ? value : undefined;
}

function valueFor(name: string, variables: Variables): string {
  const value = variables.get(name) ?? undefined;
  if (value === undefined) {
    const [, field] = /^admin\.(.*)$/.exec(name) ?? [];
    throw new IssuerRejected(
      field === undefined
        ? `nothing is known as \${${name}} in this call`
        : `the issuer's admin secret has no field ${JSON.stringify(field)}, which this call needs: add it to the secret`,
    );
  }
  return value instanceof SecretText ? value.reveal() : `${value}`;
}
