/** An issuer that says when a key was used: it sees those who do not report, and it is late. */
import { describe, expect, test } from 'vitest';
import { type DrainQuestion, drainVerdict, nextLook } from '../../lib/usage/drain.ts';
import { aConsumer, anIssuer, aProcess, aQuestion, at, oldVersion } from './drain-question.ts';

const hour = 3600;
const lag = 300;
const quiet = 900;

/** Everybody who reports has moved on long ago. */
const moved = (now: number, overrides: Partial<DrainQuestion> = {}) =>
  aQuestion(now, { presence: [aProcess('mirror', now, { oldUse: 600 })], ...overrides });

describe('an issuer beside consumers that report', () => {
  test('lets the key drain when it was silent, too', () => {
    const verdict = drainVerdict(moved(hour, { issuer: anIssuer({ lastUsedAt: at(600) }) }));
    expect(verdict).toMatchObject({ outcome: 'drained', heldBy: [] });
  });

  test('names the use of somebody who does not report', () => {
    const verdict = drainVerdict(moved(hour, { issuer: anIssuer({ lastUsedAt: at(hour - 180) }) }));
    expect(verdict).toMatchObject({
      outcome: 'waiting',
      lastOldUse: at(hour - 180),
      heldBy: ['issuer openai'],
      consumers: [{ consumer: 'mirror', state: 'on new', lastOldUse: at(600) }],
      reason: 'issuer openai saw generation 4 used at 10:57:00Z, 3 min ago, by somebody who does not report',
    });
  });

  test('is not named for a use that a consumer reports: that one is', () => {
    const presence = [aProcess('mirror', hour, { oldUse: hour - 180 })];
    const issuer = anIssuer({ lastUsedAt: at(hour - 100) });
    expect(drainVerdict(aQuestion(hour, { presence, issuer }))).toMatchObject({
      heldBy: ['mirror'],
      reason: 'mirror used generation 4 at 10:57:00Z, 3 min ago',
    });
  });

  test('is named beside a consumer when its use is later than what may still be on its way in reports', () => {
    const presence = [aProcess('mirror', hour, { oldUse: hour - 500 })];
    const issuer = anIssuer({ lastUsedAt: at(hour - 100) });
    expect(drainVerdict(aQuestion(hour, { presence, issuer })).heldBy).toEqual(['mirror', 'issuer openai']);
  });

  test('holds the key for quiet after what it saw, whoever reported it', () => {
    const presence = [aProcess('mirror', hour, { oldUse: hour - quiet })];
    const issuer = anIssuer({ lastUsedAt: at(hour - quiet + 60) });
    const verdict = drainVerdict(aQuestion(hour, { presence, issuer }));
    expect(verdict).toMatchObject({
      outcome: 'waiting',
      heldBy: ['issuer openai'],
      reason: 'issuer openai saw generation 4 used at 10:46:00Z, 14 min ago',
    });
  });

  test('sees uses whose silence the reports of others have to reach over, too', () => {
    const issuer = anIssuer({ lastUsedAt: at(hour - quiet - 10) }, { lag: 0 });
    const presence = [aProcess('mirror', hour, { windowEnd: at(hour - 60) })];
    expect(drainVerdict(aQuestion(hour, { presence, issuer }))).toMatchObject({
      outcome: 'waiting',
      reason: 'mirror has reported only up to 10:59:00Z',
    });
  });

  test('never makes a declared consumer known that was never seen', () => {
    const declared = [aConsumer('mirror'), aConsumer('nightly')];
    const verdict = drainVerdict(moved(3 * hour, { declared, issuer: anIssuer() }));
    expect(verdict).toMatchObject({ outcome: 'waiting', heldBy: ['nightly'] });
  });

  test('does not speak for consumers of which nobody has reported since the promotion', () => {
    const presence = [aProcess('mirror', -hour, { leftAt: at(-hour) })];
    const verdict = drainVerdict(aQuestion(hour, { presence, issuer: anIssuer() }));
    expect(verdict).toMatchObject({ outcome: 'waiting', reason: expect.stringMatching(/^nobody reports/) });
  });
});

describe('the silence of an issuer', () => {
  test('reaches to now less its lag: quiet after the last use anybody knows of', () => {
    const issuer = anIssuer({ lastUsedAt: null });
    const presence = (now: number) => [aProcess('mirror', now, { oldUse: hour })];
    const verdict = (now: number) => drainVerdict(aQuestion(now, { issuer, presence: presence(now) }));
    expect(verdict(hour + quiet + lag - 1)).toMatchObject({
      outcome: 'waiting',
      heldBy: ['issuer openai'],
      reason: 'issuer openai can say only up to 11:14:59Z that generation 4 was silent',
    });
    expect(verdict(hour + quiet + lag)).toMatchObject({ outcome: 'drained' });
  });

  test('is needed for quiet since the promotion at least', () => {
    const question = (now: number) => moved(now, { graceEnds: at(0), issuer: anIssuer(), quiet: 3000 });
    expect(drainVerdict(question(3000 + lag - 1)).outcome).toBe('waiting');
    expect(drainVerdict({ ...question(3000 + lag), presence: [aProcess('mirror', 3300)] }).outcome).toBe(
      'drained',
    );
  });

  test('is not known when it could not be asked: the key never drains, and it is named', () => {
    const failure = 'issuer openai answered 503';
    const verdict = drainVerdict(moved(3 * hour, { issuer: anIssuer({ failure }) }));
    expect(verdict).toMatchObject({
      outcome: 'waiting',
      heldBy: ['issuer openai'],
      reason: 'issuer openai could not say when generation 4 was last used (issuer openai answered 503)',
    });
    expect(drainVerdict(moved(4 * hour, { issuer: anIssuer({ failure }) }))).toMatchObject({
      outcome: 'overdue',
      quietAt: null,
    });
  });

  test('cannot be put off by an issuer whose clock is ahead', () => {
    const verdict = drainVerdict(moved(hour, { issuer: anIssuer({ lastUsedAt: at(100 * hour) }) }));
    expect(verdict).toMatchObject({ outcome: 'waiting', lastOldUse: at(hour) });
  });
});

describe("keyturn's own probe", () => {
  const probed = (lastUsedAt: number, overrides: Partial<DrainQuestion> = {}) =>
    moved(2 * hour, {
      issuer: anIssuer({ lastUsedAt: at(lastUsedAt) }, { lastProbedAt: at(2 * hour - 600) }),
      ...overrides,
    });

  test('is no use, but hides what was used until it has settled', () => {
    expect(drainVerdict(probed(2 * hour - 600))).toMatchObject({
      outcome: 'waiting',
      lastOldUse: at(600),
      heldBy: ['issuer openai'],
      reason: 'issuer openai cannot tell use of generation 4 up to 11:55:00Z from a probe by keyturn',
    });
  });

  test('is told from a use that comes later than it takes to show', () => {
    expect(drainVerdict(probed(2 * hour - 600 + lag)).reason).toContain('cannot tell use');
    expect(drainVerdict(probed(2 * hour - 600 + lag + 1)).reason).toContain('saw generation 4 used');
  });

  test('does not hold the key for good', () => {
    const settled = 2 * hour - 600 + lag + quiet + lag;
    const issuer = anIssuer({ lastUsedAt: at(2 * hour - 600) }, { lastProbedAt: at(2 * hour - 600) });
    expect(drainVerdict(moved(settled - 1, { issuer })).outcome).toBe('waiting');
    expect(drainVerdict(moved(settled, { issuer })).outcome).toBe('drained');
    expect(nextLook(moved(2 * hour - 600, { issuer, deadline: at(9 * hour) }), null)).toBe(
      at((2 * hour - 600) * 1.35),
    );
    expect(nextLook(moved(hour, { issuer, deadline: at(9 * hour) }), null)).toBe(at(settled));
  });

  test('counts for nothing when the issuer has not seen the key used at all', () => {
    const issuer = anIssuer({ lastUsedAt: null }, { lastProbedAt: at(2 * hour - 60) });
    expect(drainVerdict(moved(2 * hour, { issuer })).outcome).toBe('drained');
  });
});

describe('a credential without declared consumers', () => {
  const nobody = { declared: [], presence: [] };

  test('never drains when the issuer does not say when keys are used', () => {
    expect(drainVerdict(aQuestion(3 * hour, nobody))).toMatchObject({
      outcome: 'waiting',
      heldBy: [],
      reason: 'keyturn.yaml declares no consumer, and the issuer does not say when keys are used',
    });
  });

  test('drains by the silence of the issuer alone', () => {
    const verdict = drainVerdict(aQuestion(hour, { ...nobody, issuer: anIssuer({ lastUsedAt: at(600) }) }));
    expect(verdict).toMatchObject({ outcome: 'drained', consumers: [] });
    expect(verdict.reason).toBe('nobody is on generation 4, which was last used at 10:10:00Z, 50 min ago');
  });

  test('does not drain when the issuer cannot be asked', () => {
    const issuer = anIssuer({ failure: 'timed out' });
    expect(drainVerdict(aQuestion(3 * hour, { ...nobody, issuer })).outcome).toBe('waiting');
  });

  test('waits for a stranger that holds the key, until it has been gone for an hour', () => {
    const verdict = (now: number) =>
      drainVerdict(
        aQuestion(now, {
          declared: [],
          presence: [aProcess('laptop', hour, { holds: [oldVersion] })],
          issuer: anIssuer(),
        }),
      );
    expect(verdict(hour)).toMatchObject({ outcome: 'waiting', heldBy: ['laptop'] });
    expect(verdict(hour + 180 + 3600)).toMatchObject({ consumers: [{ state: 'unknown' }] });
    expect(verdict(hour + 180 + 3601)).toMatchObject({ outcome: 'drained' });
  });

  test('is overdue at once when somebody uses it still, and later when only quiet is missing', () => {
    const overdue = (lastUsedAt: number) =>
      drainVerdict(aQuestion(4 * hour, { ...nobody, issuer: anIssuer({ lastUsedAt: at(lastUsedAt) }) }));
    expect(overdue(4 * hour - 600)).toMatchObject({ outcome: 'overdue', quietAt: null });
    expect(overdue(4 * hour - 1000)).toMatchObject({ outcome: 'overdue', quietAt: at(4 * hour + 200) });
  });
});

describe('at the deadline', () => {
  const presence = [aProcess('mirror', 4 * hour, { oldUse: 4 * hour - 60, newUse: 4 * hour - 10 })];

  test('quiet is over only when the issuer can say so, too', () => {
    const issuer = anIssuer({ lastUsedAt: at(4 * hour - 60) }, { lag: 7200 });
    expect(drainVerdict(aQuestion(4 * hour, { presence, issuer }))).toMatchObject({
      outcome: 'overdue',
      quietAt: at(4 * hour - 60 + quiet + 7200),
    });
  });

  test('a probe of ours is waited out', () => {
    const lastProbedAt = at(4 * hour - 30);
    const issuer = anIssuer({ lastUsedAt: lastProbedAt }, { lastProbedAt });
    expect(drainVerdict(aQuestion(4 * hour, { presence, issuer }))).toMatchObject({
      quietAt: at(4 * hour - 30 + lag + quiet + lag),
    });
  });

  test('somebody who does not report and uses it within quiet has not moved on', () => {
    const quietly = [aProcess('mirror', 4 * hour, { oldUse: 600 })];
    const issuer = anIssuer({ lastUsedAt: at(4 * hour - 60) });
    expect(drainVerdict(aQuestion(4 * hour, { presence: quietly, issuer }))).toMatchObject({
      outcome: 'overdue',
      quietAt: null,
    });
  });
});

test('no look is made before the issuer can prove anything', () => {
  const issuer = anIssuer({ lastUsedAt: null }, { lag: 2 * hour });
  expect(nextLook(aQuestion(0, { issuer }), null)).toBe(at(2 * hour + quiet));
  expect(nextLook(aQuestion(hour, { issuer }), at(hour - 10))).toBe(at(3 * hour - 10 + quiet));
});
