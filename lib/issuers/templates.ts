/** Templates in an issuer block: `${name}` inside string values, each inserted as its place demands. */
import { IssuerRejected } from '../rotation/errors.ts';
import { SecretText } from '../rotation/secret-text.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Values by the name that templates know them by; secrets stay wrapped until they are inserted. */
export type Variables = ReadonlyMap<string, string | SecretText>;

const placeholder = /\$\{([^}]*)\}/g;

/** Names between `${` and `}`, in order. */
export function variablesIn(text: string): readonly string[] {
  return [...text.matchAll(placeholder)].map(([, name = '']) => name);
}

/** Whether a `${` has no `}` after it. */
export const hasUnclosed = (text: string): boolean => /\$\{[^}]*$/.test(text);

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

/** The JSON value with the variables in its strings inserted; serialising it afterwards escapes them. */
export function expandJson(value: Json, variables: Variables): Json {
  if (typeof value === 'string') return expand(value, variables);
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map((item) => expandJson(item, variables));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expandJson(item, variables)]));
}

/** `Array.isArray`, which TypeScript does not let narrow readonly arrays. */
export const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

function valueFor(name: string, variables: Variables): string {
  const value = variables.get(name);
  if (value === undefined) {
    const [, field] = /^admin\.(.*)$/.exec(name) ?? [];
    throw new IssuerRejected(
      field === undefined
        ? `nothing is known as \${${name}} in this call`
        : `the issuer's admin secret has no field ${JSON.stringify(field)}, which this call needs: add it to the secret`,
    );
  }
  return value instanceof SecretText ? value.reveal() : value;
}
