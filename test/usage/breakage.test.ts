/** Whether anybody missed a disabled key: who did is named, and silence is believed only as far as it reaches. */
import { describe, expect, test } from 'vitest';
import { breakage, breakageLook, canSeeBreakage } from '../../lib/usage/breakage.ts';
import { anIssuerSaw, aTrial, disabled, observe, observed } from './breakage-question.ts';
import { aConsumer, aProcess, at, oldVersion } from './drain-question.ts';

const looked = observed + 120;
const mirror = aProcess('mirror', looked, { oldUse: disabled - 1000 });

describe('a key is missed', () => {
  test('by a declared consumer that has used it since it was disabled', () => {
    const presence = [aProcess('mirror', disabled + 240, { oldUse: disabled + 60 })];
    expect(breakage(aTrial(disabled + 240, { presence }))).toEqual({
      outcome: 'broken',
      by: ['mirror'],
      reason: 'mirror used generation 4 at 11:01:00Z, 3 min ago, while it was disabled',
    });
  });

  test('by one that has gone since, or is lost', () => {
    const left = aProcess('mirror', disabled + 60, { oldUse: disabled + 60, leftAt: at(disabled + 60) });
    expect(breakage(aTrial(looked, { presence: [left] }))).toMatchObject({ outcome: 'broken' });
  });

  test('by somebody who is not declared, or does not speak for whom he names', () => {
    const presence = [
      mirror,
      aProcess('notebook', disabled + 60, { oldUse: disabled + 30 }),
      aProcess('mirror@AROAEXAMPLE', disabled + 60, { oldUse: disabled + 40, holds: [], foreign: true }),
    ];
    expect(breakage(aTrial(looked, { presence }))).toMatchObject({
      outcome: 'broken',
      by: ['mirror@AROAEXAMPLE', 'notebook'],
    });
  });

  test('by somebody whom only the issuer has seen: it refused a call', () => {
    const issuer = anIssuerSaw({ lastDeniedAt: at(disabled + 300) });
    expect(breakage(aTrial(looked, { presence: [mirror], issuer }))).toEqual({
      outcome: 'broken',
      by: ['somebody whom issuer openai refused'],
      reason: 'somebody whom issuer openai refused at 11:05:00Z, 27 min ago, with generation 4',
    });
  });

  test('by somebody whose use an issuer shows that does not tell refused calls from others', () => {
    const issuer = anIssuerSaw({ reportsDenied: false, lastUsedAt: at(disabled + 300) });
    expect(breakage(aTrial(looked, { presence: [mirror], issuer }))).toMatchObject({
      outcome: 'broken',
      by: ['somebody whom issuer openai saw'],
    });
  });

  test('by a call that an issuer dates by the whole second in which the key was disabled', () => {
    const disabledAt = at(disabled + 0.7);
    const refused = (second: number) =>
      breakage(aTrial(looked, { disabledAt, issuer: anIssuerSaw({ lastDeniedAt: at(second) }) })).outcome;
    expect(refused(disabled)).toBe('broken');
    expect(refused(disabled - 1)).not.toBe('broken');
  });

  test('by nobody who used it, or was refused, before it was disabled', () => {
    const issuer = anIssuerSaw({ lastUsedAt: at(disabled - 1), lastDeniedAt: at(disabled - 1) });
    const presence = [aProcess('mirror', looked + 300, { oldUse: disabled - 1 })];
    expect(breakage(aTrial(looked + 300, { presence, issuer }))).toEqual({ outcome: 'quiet' });
  });

  test('as soon as it is known, long before the time to observe is over', () => {
    const presence = [aProcess('mirror', disabled + 2, { oldUse: disabled + 1 })];
    expect(breakage(aTrial(disabled + 2, { presence })).outcome).toBe('broken');
  });
});

describe('nobody missed the key', () => {
  test('when everyone present has reported on the whole time', () => {
    expect(breakage(aTrial(looked, { presence: [mirror] }))).toEqual({ outcome: 'quiet' });
  });

  test('when whoever used it has said goodbye', () => {
    const left = aProcess('mirror', disabled, { leftAt: at(disabled), holds: [oldVersion] });
    expect(breakage(aTrial(looked, { presence: [left] }))).toEqual({ outcome: 'quiet' });
  });

  test('when a consumer that comes and goes has not come', () => {
    const declared = [aConsumer('nightly', { presence: 'intermittent', period: 86_400 })];
    const presence = [aProcess('nightly', 600, { newUse: 600 })];
    expect(breakage(aTrial(looked, { declared, presence }))).toEqual({ outcome: 'quiet' });
  });

  test('when the issuer is the only witness, and has had the time to show a refused call', () => {
    const alone = { declared: [], issuer: anIssuerSaw() };
    expect(breakage(aTrial(observed + 299, alone))).toEqual({
      outcome: 'unheard',
      reason: 'issuer openai shows refused calls only at 11:35:00Z',
    });
    expect(breakage(aTrial(observed + 300, alone))).toEqual({ outcome: 'quiet' });
  });

  test('as far as an issuer goes that does not show refused calls: nobody waits for its lag', () => {
    const issuer = anIssuerSaw({ reportsDenied: false, lag: 14_400 });
    expect(breakage(aTrial(looked, { presence: [mirror], issuer }))).toEqual({ outcome: 'quiet' });
  });
});

describe('it cannot be told yet', () => {
  test('before the time to observe is over', () => {
    const presence = [aProcess('mirror', observed - 1)];
    expect(breakage(aTrial(observed - 1, { presence }))).toMatchObject({
      outcome: 'unheard',
      reason: 'it is observed until 11:30:00Z; mirror has reported only up to 11:29:59Z',
    });
  });

  test('while the issuer cannot be asked, though consumers report', () => {
    const issuer = { name: 'openai', failure: 'timed out' };
    expect(breakage(aTrial(looked, { presence: [mirror], issuer }))).toEqual({
      outcome: 'unheard',
      reason: 'issuer openai could not say whether it refused anybody (timed out)',
    });
  });

  test('while a present process has not reported on all of it', () => {
    const presence = [
      mirror,
      aProcess('mirror', observed + 60, { instance: '2', windowEnd: at(observed - 1) }),
    ];
    expect(breakage(aTrial(looked, { presence }))).toEqual({
      outcome: 'unheard',
      reason: 'mirror has reported only up to 11:29:59Z',
    });
  });

  test('while a process is missing, until others outlast it', () => {
    const crashed = aProcess('mirror', disabled + 60, { instance: '2' });
    const verdict = (now: number) => breakage(aTrial(now, { presence: [aProcess('mirror', now), crashed] }));
    const lost = disabled + 60 + 180 + 3600;
    expect(verdict(lost)).toEqual({ outcome: 'unheard', reason: 'mirror has not been seen since 11:01:00Z' });
    expect(verdict(lost + 1)).toEqual({ outcome: 'quiet' });
  });

  test('while the queue is late, however late', () => {
    const presence = [aProcess('mirror', disabled + 60)];
    expect(breakage(aTrial(disabled + 10 * 3600, { presence })).outcome).toBe('unheard');
  });

  test('when the only witness is an issuer that cannot be asked', () => {
    const issuer = { name: 'openai', failure: 'timed out' };
    expect(breakage(aTrial(looked, { declared: [], issuer }))).toEqual({
      outcome: 'unheard',
      reason: 'issuer openai could not say whether it refused anybody (timed out)',
    });
  });

  test('but a foreign sender is not waited for', () => {
    const late = { windowEnd: at(disabled), holds: [], foreign: true } as const;
    const presence = [mirror, aProcess('mirror@AROAEXAMPLE', looked, late)];
    expect(breakage(aTrial(looked, { presence }))).toEqual({ outcome: 'quiet' });
  });
});

describe('the look at what has broken', () => {
  const look = (now: number, lag = 0) =>
    breakageLook({ now: at(now), disabledAt: at(disabled), observe, reportEvery: 60, lag });

  test('comes when the silence of the whole time can be there', () => {
    expect(look(disabled)).toBe(at(observed + 120));
    expect(look(observed)).toBe(at(observed + 120));
    expect(look(disabled, 300)).toBe(at(observed + 300 + 120));
  });

  test('comes ever more seldom after that, and never sooner than a report', () => {
    expect(look(observed + 120)).toBe(at(observed + 120 + 0.35 * (observe + 120)));
    const hasty = { now: at(4), disabledAt: at(0), observe: 2, reportEvery: 1, lag: 0 };
    expect(breakageLook(hasty)).toBe(at(4 + 0.35 * 4));
    expect(breakageLook({ ...hasty, now: at(400), reportEvery: 180, observe: 10 })).toBe(at(400 + 180));
  });
});

test('a trial tells something only where somebody would show a refused call', () => {
  const declared = [aConsumer('mirror')];
  expect(canSeeBreakage({ declared, reportsDenied: false })).toBe(true);
  expect(canSeeBreakage({ declared: [], reportsDenied: true })).toBe(true);
  expect(canSeeBreakage({ declared: [], reportsDenied: false })).toBe(false);
});
