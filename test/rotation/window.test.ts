import { describe, expect, it } from 'vitest';
import type { Window } from '../../lib/rotation/credential.ts';
import { opensAt } from '../../lib/rotation/window.ts';

const week = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const aWindow = (overrides: Partial<Window> = {}): Window => ({
  days: week,
  from: '02:00',
  to: '05:00',
  timeZone: 'UTC',
  ...overrides,
});

describe('a window', () => {
  it.each([
    ['is open from its first minute', aWindow(), '2026-03-02T02:00:00.000Z', '2026-03-02T02:00:00.000Z'],
    ['is open in between', aWindow(), '2026-03-02T03:17:31.000Z', '2026-03-02T03:17:31.000Z'],
    ['is closed from its end on', aWindow(), '2026-03-02T05:00:00.000Z', '2026-03-03T02:00:00.000Z'],
    ['opens later the same day', aWindow(), '2026-03-02T00:10:00.000Z', '2026-03-02T02:00:00.000Z'],
    [
      'waits for its day',
      aWindow({ days: ['sat'] }),
      '2026-03-02T03:00:00.000Z', // a Monday
      '2026-03-07T02:00:00.000Z',
    ],
    [
      'goes on past midnight on the day after its own',
      aWindow({ days: ['fri'], from: '22:00', to: '04:00' }),
      '2026-03-07T03:59:00.000Z', // Saturday
      '2026-03-07T03:59:00.000Z',
    ],
    [
      'does not begin on the day after its own',
      aWindow({ days: ['fri'], from: '22:00', to: '04:00' }),
      '2026-03-07T22:30:00.000Z', // Saturday
      '2026-03-13T22:00:00.000Z',
    ],
    [
      'can last until the end of the day',
      aWindow({ from: '20:00', to: '24:00' }),
      '2026-03-02T23:59:59.000Z',
      '2026-03-02T23:59:59.000Z',
    ],
    [
      'keeps to the local clock in winter',
      aWindow({ timeZone: 'Europe/Berlin' }),
      '2026-03-02T00:00:00.000Z',
      '2026-03-02T01:00:00.000Z',
    ],
    [
      'keeps to the local clock in summer',
      aWindow({ timeZone: 'Europe/Berlin' }),
      '2026-07-02T05:00:00.000Z',
      '2026-07-03T00:00:00.000Z',
    ],
    [
      'opens at 3 on the night that has no hour from 2 to 3',
      aWindow({ timeZone: 'Europe/Berlin' }),
      '2026-03-29T00:00:00.000Z',
      '2026-03-29T01:00:00.000Z',
    ],
    [
      'opens a week later when the change of the clocks skips all of it',
      aWindow({ days: ['sun'], from: '02:15', to: '02:45', timeZone: 'Europe/Berlin' }),
      '2026-03-22T02:00:00.000Z', // the Sunday before has just closed
      '2026-04-05T00:15:00.000Z',
    ],
    [
      'knows offsets of three quarters of an hour',
      aWindow({ timeZone: 'Asia/Kathmandu' }),
      '2026-03-02T12:00:00.000Z',
      '2026-03-02T20:15:00.000Z',
    ],
  ])('%s', (_name, window, at, opens) => {
    expect(opensAt([window], at)).toBe(opens);
  });

  it('is one of several: the first to open counts', () => {
    const windows = [aWindow({ days: ['sat'] }), aWindow({ days: ['wed'], from: '10:00', to: '11:00' })];
    expect(opensAt(windows, '2026-03-02T03:00:00.000Z')).toBe('2026-03-04T10:00:00.000Z');
  });

  it('that nobody has declared is always open', () => {
    expect(opensAt(undefined, '2026-03-02T03:00:00.000Z')).toBe('2026-03-02T03:00:00.000Z');
  });
});
