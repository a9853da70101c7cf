/** Twins copy on the way in and on the way out, so that no test shares an object with them by accident. */

/**
 * A copy as a database would give it back: plain JSON, without undefined. A SecretText inside throws, as
 * DynamoDB's client does for any class instance.
 */
export function copy<T>(value: T): T {
  return value === undefined ? value : JSON.parse(JSON.stringify(value));
}
