import { describe, expect, test } from 'vitest';
import {
  executionNameOf,
  labelOf,
  placeholderIdOf,
  rotationIdOf,
  stageOf,
  uuidV5,
  versionIdOf,
} from '../../lib/rotation/ids.ts';
import { testDigests } from '../fakes/test-digests.ts';
import { aCredential } from '../support/builders.ts';

const digests = testDigests();
const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

describe('an id', () => {
  test('is the UUIDv5 of its namespace and name, as other implementations compute it', () => {
    const credential = aCredential({ installationId: dns, id: 'www.example.com' });
    expect(rotationIdOf(digests, credential, 1)).toBe('c8cc6f23-e7c3-5866-92a6-bc3d6d441fce');
  });

  test('is the same whenever it is asked for', () => {
    const credential = aCredential();
    expect(rotationIdOf(digests, credential, 2)).toBe(rotationIdOf(testDigests('other'), credential, 2));
  });

  test.each([
    ['generation', rotationIdOf(digests, aCredential(), 3)],
    ['credential', rotationIdOf(digests, aCredential({ id: 'other' }), 2)],
    ['installation', rotationIdOf(digests, aCredential({ installationId: dns }), 2)],
  ])('is another one for another %s', (_what, other) => {
    expect(other).not.toBe(rotationIdOf(digests, aCredential(), 2));
  });

  test('of a version is another one for every attempt', () => {
    const rotationId = rotationIdOf(digests, aCredential(), 2);
    const versions = [1, 2, 3, 4, 5].map((attempt) => versionIdOf(digests, rotationId, attempt));
    expect(new Set(versions).size).toBe(5);
  });

  test('of the placeholder belongs to generation 0', () => {
    expect(placeholderIdOf(digests, aCredential())).toBe(rotationIdOf(digests, aCredential(), 0));
  });

  test('fits where Secrets Manager wants a token of 32 to 64 characters', () => {
    expect(versionIdOf(digests, dns, 1)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });
});

test('the example of RFC 9562 comes out as the RFC prints it', () => {
  expect(uuidV5(digests, dns, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
});

test('names at the issuer, at Step Functions and at Secrets Manager follow from the ids', () => {
  expect(labelOf('r', 2)).toBe('keyturn-r-2');
  expect(executionNameOf('r', 3)).toBe('r-3');
  expect(stageOf(7)).toBe('keyturn-7');
});
