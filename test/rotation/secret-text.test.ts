import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { SENTINEL } from '../support/sentinel.ts';

const secret = () => new SecretText(SENTINEL);

test('a secret comes out through reveal() and nowhere else', () => {
  expect(secret().reveal()).toBe(SENTINEL);
  expect(Object.keys(secret())).toEqual([]);
  expect(Object.values({ ...secret() })).toEqual([]);
});

test.each([
  ['as text', (value: SecretText) => String(value)],
  ['in a template', (value: SecretText) => `${value}`],
  ['by concatenation', (value: SecretText) => [value].join('')],
  ['by console.log', (value: SecretText) => format('%s %o %O', value, value, { value })],
  ['by inspection of a record around it', (value: SecretText) => inspect({ deep: { value } })],
  ['by inspection of hidden fields', (value: SecretText) => inspect(value, { showHidden: true })],
])('a secret printed %s is redacted', (_how, print) => {
  expect(print(secret())).toContain('[redacted]');
  expect(print(secret())).not.toContain(SENTINEL);
});

test('a secret about to be written as JSON is a mistake, and says so without the secret', () => {
  expect(() => JSON.stringify({ apiKey: secret() })).toThrow(TypeError);
  expect(() => JSON.stringify(secret())).not.toThrow(SENTINEL);
});

test('a secret does not survive a structured clone', () => {
  expect(JSON.stringify(structuredClone({ ...secret() }))).toBe('{}');
});
