/** Which answers say when a key was used. One that is misread would end a key that somebody uses. */
import { describe, expect, test } from 'vitest';
import { readLastUse } from '../../lib/issuers/http-last-use.ts';
import { failureOf } from '../support/failure-of.ts';
import { SENTINEL } from '../support/sentinel.ts';

const paths = { lastUsedAt: 'data.used', lastDeniedAt: 'data.denied' };
const read = (json: unknown, more: { readonly absentMeansNever?: boolean } = {}) =>
  readLastUse({ ...paths, ...more }, json, 'GET issuer.example/keys');
const failure = (...said: Parameters<typeof read>) => failureOf(Promise.resolve().then(() => read(...said)));

describe('a time', () => {
  test.each([
    ['2026-03-02T09:00:00+01:00'],
    ['2026-03-02T08:00:00Z'],
    ['2026-03-02T08:00:00.000000Z'],
    ['2026-03-02T08:00Z'],
    [1_772_438_400],
    [1_772_438_400_000],
  ])('may be written in several ways: %j', (at) => {
    const time = '2026-03-02T08:00:00.000Z';
    expect(read({ data: { used: at, denied: at } })).toEqual({ lastUsedAt: time, lastDeniedAt: time });
  });

  const never = { lastUsedAt: null, lastDeniedAt: null };

  test('that is null is never', () => {
    expect(read({ data: { used: null, denied: null } })).toEqual(never);
  });

  test.each([
    {},
    { date: { used: 1 } },
    { data: { usd: 1 } },
    { data: null },
    { data: 'text' },
    { data: [] },
  ])('that is not there is refused, since a misspelt path must not prove silence: %j', async (json) => {
    expect(await failure(json)).toMatchObject({
      name: 'IssuerRejected',
      message:
        'GET issuer.example/keys has no field "data.used" in its answer: correct the path, or set answer.absentMeansNever if the issuer leaves the field out for never',
    });
  });

  test('of a refused call that is not there is refused as well', async () => {
    expect(await failure({ data: { used: null } })).toMatchObject({
      name: 'IssuerRejected',
      message: expect.stringContaining('has no field "data.denied"'),
    });
  });

  test.each([{ data: {} }, { data: { used: null } }, { data: null }])(
    'that is not there is never where the block says so: %j',
    (json) => {
      expect(read(json, { absentMeansNever: true })).toEqual(never);
    },
  );

  test('that some programs write instead of never is long ago', () => {
    expect(read({ data: { used: '0001-01-01T00:00:00Z', denied: 0 } })).toEqual({
      lastUsedAt: '0001-01-01T00:00:00.000Z',
      lastDeniedAt: '1970-01-01T00:00:00.000Z',
    });
  });

  test.each([
    ['a day without a time', '2026-03-02'],
    ['a time without its offset', '2026-03-02T08:00:00'],
    ['a time that there is not', '2026-02-32T08:00:00Z'],
    ['other text', `${SENTINEL} yesterday`],
    ['an empty text', ''],
    ['a number as text', '1772438400'],
    ['a number that is too large', 1e300],
    ['a list', [1_772_438_400]],
    ['an object', { at: 1_772_438_400 }],
    ['a boolean', false],
  ])('is refused, and not told, when it is %s', async (_what, at) => {
    for (const [place, data] of [
      ['used', { used: at }],
      ['denied', { used: null, denied: at }],
    ] as const) {
      expect(await failure({ data })).toMatchObject({
        name: 'IssuerRejected',
        message: `GET issuer.example/keys has something else than a time at "data.${place}" in its answer: expected ISO 8601 with its offset, seconds or milliseconds since 1970, or null`,
      });
    }
  });

  test.each([{}, { date: { used: 1 } }, { data: 'text' }, { data: [] }])(
    'is refused when its object is not there, whatever the block says: %j',
    async (json) => {
      expect(await failure(json, { absentMeansNever: true })).toMatchObject({
        name: 'IssuerRejected',
        message: 'GET issuer.example/keys has no field "data.used" in its answer: correct the path',
      });
    },
  );
});

test.each([undefined, null, 'text'])('an answer that is no object is unreadable: %j', async (json) => {
  expect(await failure(json)).toMatchObject({ name: 'IssuerUnavailable' });
});

test('a block that names no place of refused calls learns of none', () => {
  const { lastDeniedAt } = readLastUse({ lastUsedAt: 'used' }, { used: 1, denied: 1 }, 'GET issuer.example');
  expect(lastDeniedAt).toBeNull();
});
