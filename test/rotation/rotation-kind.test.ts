import { describe, expect, test } from 'vitest';
import { kindOf } from '../../lib/rotation/rotation-kind.ts';
import { aCredential, aDeclaration, aKey } from '../support/builders.ts';

const toAdopt = aCredential({ declaration: aDeclaration({ adopt: { keyId: 'key-1' } }) });
const hadIt = (issuer: string) => [aKey({ issuer, keyId: 'key-1', status: 'dead' })];

describe('the next rotation', () => {
  test('of a credential that is no longer declared is a retirement', () => {
    expect(kindOf({ ...toAdopt, removedAt: '2026-03-02T08:00:00.000Z' }, [])).toBe('retire');
  });

  test('of one that has yet to adopt its key is the adoption', () => {
    expect(kindOf(toAdopt, [])).toBe('adopt');
  });

  test('of one that has had that key makes another', () => {
    expect(kindOf(toAdopt, hadIt('openai'))).toBe('rotate');
  });

  test('of one that has had a key of that id from another issuer is the adoption all the same', () => {
    expect(kindOf(toAdopt, hadIt('another'))).toBe('adopt');
  });

  test('of one that has a key makes another', () => {
    expect(kindOf({ ...toAdopt, currentGeneration: 1 }, [])).toBe('rotate');
  });
});
