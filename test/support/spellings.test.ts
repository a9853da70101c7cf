import { expect, test } from 'vitest';
import { spellings } from './spellings.ts';

const secret = 'npm_+/=?&Zm9v~ü1234567890';

const isFoundIn = (text: string): boolean => spellings(secret).some((spelling) => text.includes(spelling));

test('a secret is found in plain, and in a URL', () => {
  expect(isFoundIn(`token ${secret}.`)).toBe(true);
  expect(
    isFoundIn(
      `https://issuer.example/?${new URLSearchParams({ a: 'b' })}&token=${encodeURIComponent(secret)}&x`,
    ),
  ).toBe(true);
});

test.each(['', 'a', 'ab', 'abc', 'user:', 'a longer user:'])('it is found in base64 after "%s"', (before) => {
  for (const after of ['', 'x', 'xy', 'xyz', '\n']) {
    const bytes = Buffer.from(before + secret + after);
    expect(isFoundIn(`Basic ${bytes.toString('base64')}`)).toBe(true);
    expect(isFoundIn(`"${bytes.toString('base64url')}"`)).toBe(true);
  }
});

test('another is not', () => {
  const other = secret.replace('1234', '1243');
  for (const text of [other, encodeURIComponent(other), Buffer.from(`user:${other}`).toString('base64')])
    expect(isFoundIn(text)).toBe(false);
});
