/** What an issuer's JSON answer says: values at dotted paths, and bodies that match a pattern. */
import { IssuerUnavailable } from '../rotation/errors.ts';
import { type Instant, instant } from '../usage/instant.ts';
import { isList, type Json } from './templates.ts';

/** Epoch numbers from here on are milliseconds; as seconds this would be the year 5138. */
const firstMilliseconds = 100_000_000_000;

/** The value at a dotted path (`objects.0.key`); the root for `''` and `'.'`; undefined when there is none. */
export function valueAt(json: unknown, path: string): unknown {
  if (path === '' || path === '.') return json;
  return path.split('.').reduce<unknown>(own, json);
}

/**
 * An id: text, or a whole number as text. A number that JSON.parse may have rounded would name another key.
 * @throws IssuerUnavailable when the answer has none.
 */
export function idAt(json: unknown, path: string, where: string): string {
  const value = valueAt(json, path);
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return `${value}`;
    throw unreadable(where, path, `an id: a number must be whole and at most ${Number.MAX_SAFE_INTEGER}`);
  }
  if (typeof value === 'string' && value !== '' && value.length <= 512) return value;
  throw unreadable(where, path, 'an id');
}

/** @returns undefined when absent or null. @throws IssuerUnavailable when it is something else than text. */
export function optionalTextAt(json: unknown, path: string, where: string): string | undefined {
  const value = valueAt(json, path) ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw unreadable(where, path, 'text');
}

/**
 * A time: text that `Date.parse` reads, or a number since 1970 in seconds or milliseconds.
 * @returns undefined when absent or null. @throws IssuerUnavailable when it is no time.
 */
export function optionalTimeAt(json: unknown, path: string, where: string): Instant | undefined {
  const value = valueAt(json, path) ?? undefined;
  if (value === undefined) return undefined;
  const milliseconds = typeof value === 'number' ? fromEpoch(value) : Date.parse(`${value}`);
  if (Math.abs(milliseconds) <= 8.64e15) return instant(milliseconds);
  throw unreadable(where, path, 'a time');
}

/** @throws IssuerUnavailable when there is no list. */
export function listAt(json: unknown, path: string, where: string): readonly unknown[] {
  const value = valueAt(json, path);
  if (Array.isArray(value)) return value;
  throw unreadable(where, path, 'a list');
}

/**
 * Whether the answer has at least what the pattern has. Objects may have more fields; lists must have the same
 * length; `null` in a pattern matches null and a field that is not there.
 */
export function matches(answer: unknown, pattern: Json): boolean {
  if (pattern === null) return answer === null || answer === undefined;
  if (typeof pattern !== 'object') return answer === pattern;
  if (isList(pattern)) {
    return (
      Array.isArray(answer) &&
      answer.length === pattern.length &&
      pattern.every((item, at) => matches(answer[at], item))
    );
  }
  if (answer === null || typeof answer !== 'object' || Array.isArray(answer)) return false;
  return Object.entries(pattern).every(([field, inner]) => matches(own(answer, field), inner));
}

/** The error for a 2xx whose body is not what keyturn.yaml says; never quotes the body. */
export function unreadable(where: string, path: string, expected: string): IssuerUnavailable {
  const place = path === '' || path === '.' ? 'its body' : JSON.stringify(path);
  return new IssuerUnavailable(
    `${where} was accepted, but its answer cannot be read: ${place} is not ${expected}`,
  );
}

function own(value: unknown, field: string): unknown {
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, field)) return undefined;
  return Object.getOwnPropertyDescriptor(value, field)?.value;
}

/** Milliseconds since 1970 of a number in seconds or milliseconds. */
export function fromEpoch(value: number): number {
  return Math.abs(value) < firstMilliseconds ? value * 1000 : value;
}
