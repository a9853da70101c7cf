/** The dates that follow from a policy, a key and the windows between them. */
import { describe, expect, test } from 'vitest';
import type { Policy } from '../../lib/rotation/credential.ts';
import { dueAfter, dueAfterAdoption, dueAfterFailure, mayChangeAt } from '../../lib/rotation/due.ts';
import { plus } from '../../lib/usage/instant.ts';
import { aCredential, aDeclaration, aKey } from '../support/builders.ts';

const day = 86_400;
/** A Monday. */
const since = '2026-03-02T08:00:00.000Z';
const saturdays = [{ days: ['sat'], from: '02:00', to: '04:00', timeZone: 'UTC' }] as const;

const aPolicy = (overrides: Partial<Policy> = {}): Policy => ({ ...aDeclaration().policy, ...overrides });
/** Ends so that a grace of four hours and a day fit in before `latestStart`. */
const endsAfter = (latestStart: string) => ({ expiresAt: plus(latestStart, 4 * 3600 + day) });

describe('the next rotation is due', () => {
  test('after rotateEvery', () => {
    expect(dueAfter(aPolicy(), aKey(), since)).toBe(plus(since, 90 * day));
  });

  test('a grace and a day before the key ends by itself, when that is earlier', () => {
    expect(dueAfter(aPolicy(), endsAfter(plus(since, 30 * day)), since)).toBe(plus(since, 30 * day));
    expect(dueAfter(aPolicy(), endsAfter(plus(since, 91 * day)), since)).toBe(plus(since, 90 * day));
  });

  test('when a window opens after that', () => {
    expect(dueAfter(aPolicy({ rotateEvery: day, windows: saturdays }), aKey(), since)).toBe(
      '2026-03-07T02:00:00.000Z',
    );
  });

  test('in the last window that opens before it would be too late for the key', () => {
    const policy = aPolicy({ windows: saturdays });
    const key = endsAfter('2026-04-03T12:00:00.000Z'); // a Friday
    expect(dueAfter(policy, key, since)).toBe('2026-03-28T02:00:00.000Z');
  });
});

describe('after an adoption the next rotation is due', () => {
  const adopted = (mintedAt: string) => aKey({ mintedAt });

  test('by the age that its key has already', () => {
    const policy = aPolicy({ rotateEvery: 90 * day });
    expect(dueAfterAdoption(policy, adopted(plus(since, -40 * day)), since)).toBe(plus(since, 50 * day));
  });

  test('not within a day, however old the key is', () => {
    expect(dueAfterAdoption(aPolicy(), adopted(plus(since, -900 * day)), since)).toBe(plus(since, day));
  });

  test('in a window', () => {
    const policy = aPolicy({ windows: saturdays });
    expect(dueAfterAdoption(policy, adopted(plus(since, -900 * day)), since)).toBe(
      '2026-03-07T02:00:00.000Z',
    );
  });
});

describe('a key that ends by itself', () => {
  const saturday = '2026-03-07T02:00:00.000Z';
  const credential = (mustChangeBy: string | null) =>
    aCredential({
      currentGeneration: 1,
      mustChangeBy,
      declaration: aDeclaration({ policy: aPolicy({ windows: saturdays }) }),
    });

  test('waits for no window that opens too late for it', () => {
    expect(mayChangeAt(credential(plus(since, day)), since)).toBe(plus(since, day));
    expect(mayChangeAt(credential(plus(since, -day)), since)).toBe(since);
  });

  test('waits for a window that opens in time, as others do', () => {
    expect(mayChangeAt(credential(plus(since, 30 * day)), since)).toBe(saturday);
    expect(mayChangeAt(credential(null), since)).toBe(saturday);
  });

  test('is tried again in time after a failure, window or not', () => {
    expect(dueAfterFailure(credential(plus(since, day)), 1, since)).toBe(plus(since, day));
    expect(dueAfterFailure(credential(plus(since, -day)), 1, since)).toBe(plus(since, 15 * 60));
    expect(dueAfterFailure(credential(null), 1, since)).toBe(saturday);
  });
});
