/** The watch over secrets sees what it should see. */
import { describe, expect, it } from 'vitest';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { expectNoSecret, holdsSecret } from './expect-no-secret.ts';
import { SENTINEL } from './sentinel.ts';

describe('a secret is found', () => {
  const cause = new Error(`refused ${SENTINEL}`);
  it.each([
    ['in text', `key ${SENTINEL}`],
    ['deep in a row', { a: [{ b: { c: { d: { e: { f: SENTINEL } } } } }] }],
    ['as the name of a field', { [SENTINEL]: true }],
    ['in a map', new Map([['key', SENTINEL]])],
    ['in an error', cause],
    ['in the cause of a cause', new Error('outer', { cause: new Error('inner', { cause }) })],
    ['in a field of an error', Object.assign(new Error('refused'), { request: { body: SENTINEL } })],
    ['in bytes', Buffer.from(SENTINEL)],
    ['in base64', Buffer.from(`Bearer ${SENTINEL}`).toString('base64')],
    ['only in JSON', { toJSON: (): string => SENTINEL }],
  ])('%s', (_where, thing) => {
    expect(holdsSecret(thing)).toBe(true);
    expect(() => expectNoSecret('fine', thing)).toThrow('a secret has leaked into value 2 of 2');
  });
});

describe('nothing is found', () => {
  it.each([
    ['in a SecretText', new SecretText(SENTINEL)],
    ['in what holds a SecretText', { secret: new SecretText(SENTINEL), rows: [1, null, undefined] }],
    ['in nothing', undefined],
  ])('%s', (_where, thing) => {
    expectNoSecret(thing);
  });
});
