/** What an `http` issuer's answer says of a key's use. A time that is misread could end a key that is in use. */
import { IssuerRejected } from '../rotation/errors.ts';
import type { LastUse } from '../rotation/ports.ts';
import { type Instant, instant } from '../usage/instant.ts';
import { fromEpoch, unreadable, valueAt } from './http-answers.ts';
import type { LastUseRequest } from './http-block.ts';

/** With time and offset: a day alone may be a day too early, a time without offset some hours. */
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** The years 1 to 9999, in which instants compare as text; year 1 is how some programs say never. */
const [firstMillisecond, lastMillisecond] = [-62_135_596_800_000, 253_402_300_799_999];

/**
 * When the key was used, and when it was refused.
 * @throws IssuerUnavailable when the answer is no JSON, IssuerRejected when a time is not where or what it should be;
 * the texts tell no value.
 */
export function readLastUse(paths: LastUseRequest['answer'], json: unknown, where: string): LastUse {
  if (json === null || typeof json !== 'object') throw unreadable(where, '', 'an object');
  const { lastUsedAt, lastDeniedAt, absentMeansNever = false } = paths;
  const timeAt = (path: string) => timeOrNever(json, path, where, absentMeansNever);
  return {
    lastUsedAt: timeAt(lastUsedAt),
    lastDeniedAt: lastDeniedAt === undefined ? null : timeAt(lastDeniedAt),
  };
}

/** Null is never. So is a field that is not there, but only on the block's word: a misspelt path must not prove silence. */
function timeOrNever(json: object, path: string, where: string, absentMeansNever: boolean): Instant | null {
  const value = valueAt(json, path);
  if (value === null) return null;
  if (value === undefined) {
    if (absentMeansNever && mayLack(json, path)) return null;
    throw new IssuerRejected(
      `${where} has no field ${JSON.stringify(path)} in its answer: correct the path${absentMeansNever ? '' : ', or set answer.absentMeansNever if the issuer leaves the field out for never'}`,
    );
  }
  const milliseconds = millisecondsOf(value);
  if (milliseconds >= firstMillisecond && milliseconds <= lastMillisecond) return instant(milliseconds);
  throw new IssuerRejected(
    `${where} has something else than a time at ${JSON.stringify(path)} in its answer: expected ISO 8601 with its offset, seconds or milliseconds since 1970, or null`,
  );
}

/** Whether the object that the field belongs to is there, or null: only then does its lack say something. */
function mayLack(json: object, path: string): boolean {
  const parent = valueAt(json, path.split('.').slice(0, -1).join('.'));
  return typeof parent === 'object' && !Array.isArray(parent);
}

function millisecondsOf(value: unknown): number {
  if (typeof value === 'number') return fromEpoch(value);
  return typeof value === 'string' && isoTime.test(value) ? Date.parse(value) : Number.NaN;
}
