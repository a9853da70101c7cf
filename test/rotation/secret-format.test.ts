import { describe, expect, test } from 'vitest';
import type { SecretShape } from '../../lib/rotation/credential.ts';
import { InvalidInput } from '../../lib/rotation/errors.ts';
import { placeholderText, readSecret, writeSecret } from '../../lib/rotation/secret-format.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import { SENTINEL } from '../support/sentinel.ts';

const parts = { secret: new SecretText(SENTINEL), keyId: 'key_1', generation: 3 };
const text: SecretShape = { name: 'app/key', format: 'text' };
const json = (shape: Partial<Extract<SecretShape, { format: 'json' }>> = {}): SecretShape => ({
  name: 'app/key',
  format: 'json',
  fields: { secret: 'apiKey' },
  ...shape,
});

describe('a secret of format text', () => {
  test('is the key and nothing else', () => {
    expect(writeSecret(text, parts).reveal()).toBe(SENTINEL);
    expect(readSecret(text, new SecretText(SENTINEL)).reveal()).toBe(SENTINEL);
  });
});

describe('a secret of format json', () => {
  test('has the fields that were asked for, and no others', () => {
    expect(JSON.parse(writeSecret(json(), parts).reveal())).toEqual({ apiKey: SENTINEL });
  });

  test('has the key id and the generation where their fields are named', () => {
    const shape = json({ fields: { secret: 'token', keyId: 'id', generation: 'version' } });
    expect(JSON.parse(writeSecret(shape, parts).reveal())).toEqual({
      token: SENTINEL,
      id: 'key_1',
      version: 3,
    });
  });

  test('has its constants beside them, which never hide the key', () => {
    const shape = json({ constants: { url: 'https://api.example.com', apiKey: 'not this' } });
    expect(JSON.parse(writeSecret(shape, parts).reveal())).toEqual({
      url: 'https://api.example.com',
      apiKey: SENTINEL,
    });
  });

  test('is read back as the key that was written', () => {
    expect(readSecret(json(), writeSecret(json(), parts)).reveal()).toBe(SENTINEL);
  });

  test.each([
    ['is no JSON', `${SENTINEL}{`],
    ['lacks the field', JSON.stringify({ other: SENTINEL })],
    ['has a number there', JSON.stringify({ apiKey: 5, other: SENTINEL })],
    ['is a list', JSON.stringify([SENTINEL])],
    ['is null', 'null'],
  ])('that %s is refused without being quoted', (_what, value) => {
    const read = () => readSecret(json(), new SecretText(value));
    expect(read).toThrow(InvalidInput);
    expect(read).toThrow(/secret app\/key/);
    expectNoSecret(thrownBy(read));
  });
});

test.each([
  ['text', text, 'keyturn:key-not-issued'],
  ['json', json(), '{"keyturn":"key-not-issued"}'],
])('before the first key a secret of format %s says that none was issued', (_format, shape, placeholder) => {
  expect(placeholderText(shape)).toBe(placeholder);
});

test('the placeholder is no key', () => {
  expect(() => readSecret(json(), new SecretText(placeholderText(json())))).toThrow(InvalidInput);
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
