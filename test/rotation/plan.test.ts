import { describe, expect, test } from 'vitest';
import type { Credential, Declaration } from '../../lib/rotation/credential.ts';
import type { Key } from '../../lib/rotation/key.ts';
import { type PlanQuestion, planOf } from '../../lib/rotation/plan.ts';
import type { Capabilities } from '../../lib/rotation/ports.ts';
import { isProbeOld } from '../../lib/rotation/prove-alive.ts';
import { plus } from '../../lib/usage/instant.ts';
import { manualClock } from '../fakes/manual-clock.ts';
import { aCredential, aDeclaration, aKey, someTime } from '../support/builders.ts';

const capabilities: Capabilities = {
  create: 'api',
  maxLiveKeys: 2,
  named: true,
  list: true,
  disable: false,
  lastUsedLag: null,
  reportsDenied: false,
  expiry: false,
  keyIdInCalls: false,
  exclusive: false,
  createLag: 10,
  revokeLag: 30,
  probes: 3,
};

/** Monday, eight in the morning. */
const now = someTime;
const hour = 3600;
const day = 24 * hour;

interface About {
  readonly credential?: Partial<Credential>;
  readonly declaration?: Partial<Declaration>;
  readonly policy?: Partial<Declaration['policy']>;
  readonly key?: Partial<Key>;
  readonly capabilities?: Partial<Capabilities>;
  readonly asked?: boolean;
}

/** A credential with one key, promoted ninety days ago, so that it is due now. */
function aQuestion(about: About = {}): PlanQuestion {
  const declaration = aDeclaration(about.declaration);
  const credential = aCredential({
    status: 'active',
    currentGeneration: 1,
    lastGeneration: 1,
    lastPromotedAt: plus(now, -90 * day),
    dueAt: now,
    declaration: { ...declaration, policy: { ...declaration.policy, ...about.policy } },
    ...about.credential,
  });
  return {
    credential,
    keys: credential.currentGeneration === 0 ? [] : [aKey(about.key)],
    capabilities: { ...capabilities, ...about.capabilities },
    now,
    ...(about.asked !== undefined && { asked: about.asked }),
  };
}

const plan = (about?: About) => planOf(aQuestion(about));

const names = (about?: About) => plan(about).map(({ step }) => step);

function stepOf(step: string, about?: About) {
  const found = plan(about).find((each) => each.step === step);
  if (!found) throw new Error(`the plan has no step ${step}`);
  return found;
}

describe('the plan of a rotation', () => {
  test('has every step in its order', () => {
    expect(names({ declaration: { targets: ['mirror'] } })).toEqual([
      'Start',
      'Issue key',
      'Verify key',
      'Promote key',
      'Deploy key',
      'Move',
      'Check drain',
      'Ask owner',
      'Disable key',
      'Revoke key',
      'Prove dead',
      'Complete',
    ]);
  });

  test('gives each step its earliest moment, from the policy and the lags of the issuer', () => {
    const promoted = plus(now, 10);
    expect(Object.fromEntries(plan().map(({ step, earliest }) => [step, earliest]))).toEqual({
      Start: now,
      'Issue key': now,
      'Verify key': promoted,
      'Promote key': promoted,
      Move: promoted,
      'Check drain': plus(promoted, hour),
      'Ask owner': plus(promoted, 4 * hour),
      'Disable key': null,
      'Revoke key': plus(promoted, hour),
      'Prove dead': plus(promoted, hour + 30),
      Complete: plus(promoted, hour + 30),
    });
  });

  test('gives an end only to what has one: consumers, and the looks at them', () => {
    const deadline = plus(now, 10 + 4 * hour);
    const ends = plan().flatMap(({ step, latest }) => (latest ? [[step, latest]] : []));
    expect(ends).toEqual([
      ['Move', deadline],
      ['Check drain', deadline],
    ]);
  });

  test('says how many looks it takes at most, never more than 24', () => {
    expect(stepOf('Check drain').note).toBe(
      `6 looks at most until the deadline, the first at ${plus(now, 10 + hour)}`,
    );
    const long = { grace: { min: hour, max: 30 * day, quiet: 900 } };
    const looks = Number(/^\d+/.exec(stepOf('Check drain', { policy: long }).note ?? '')?.[0]);
    expect(looks).toBeGreaterThan(15);
    expect(looks).toBeLessThanOrEqual(24);
  });

  test('asks its owner at the deadline, unless the policy says something else', () => {
    const deadline = plus(now, 10 + 4 * hour);
    expect(stepOf('Ask owner')).toMatchObject({
      who: 'billing-team',
      earliest: deadline,
      what: 'when the grace is not over by then, billing-team is asked, and reminded each day, to extend, revoke or roll back; both keys stay alive until a decision or the proof',
    });
    expect(stepOf('Ask owner', { policy: { atDeadline: 'extend' } })).toMatchObject({
      who: 'billing-team',
      earliest: plus(deadline, 12 * hour),
      what: expect.stringContaining('is extended 3 times by 4 h; then billing-team is asked'),
    });
    const revoke: About = { policy: { atDeadline: 'revoke' } };
    expect(names(revoke)).not.toContain('Ask owner');
    expect(stepOf('Deadline', revoke)).toMatchObject({
      who: 'keyturn',
      earliest: deadline,
      what: expect.stringContaining('the old key goes without proof: keyturn.yaml says so'),
      note: 'whoever still uses it then is cut off',
    });
  });

  test('warns when the old key expires before the deadline', () => {
    const key = { expiresAt: plus(now, hour) };
    expect(stepOf('Ask owner', { key }).note).toContain('expires before');
    expect(stepOf('Deadline', { key, policy: { atDeadline: 'revoke' } }).note).toContain('expires before');
  });

  test('says when the next rotation is due', () => {
    const completed = plus(now, 10 + hour + 30);
    expect(stepOf('Complete').note).toBe(`the next rotation is due at ${plus(completed, 90 * day)}`);
  });
});

describe('the trial before the revoke', () => {
  const drained = plus(now, 10 + hour);
  const able = { disable: true };

  test('is planned where the issuer can disable and a consumer reports', () => {
    expect(names({ capabilities: able }).slice(-6)).toEqual([
      'Disable key',
      'Observe',
      'Check breakage',
      'Revoke key',
      'Prove dead',
      'Complete',
    ]);
    const looked = plus(drained, 1800 + 2 * 60);
    expect(stepOf('Disable key', { capabilities: able })).toMatchObject({
      who: 'issuer openai',
      earliest: drained,
    });
    expect(stepOf('Check breakage', { capabilities: able })).toMatchObject({
      earliest: looked,
      note: 'a key that was missed is enabled again and drains anew; after 2 times billing-team is asked',
    });
    expect(stepOf('Revoke key', { capabilities: able }).earliest).toBe(looked);
    expect(stepOf('Complete', { capabilities: able }).earliest).toBe(plus(looked, 30));
  });

  test('lasts as long as the policy says, and as late as the issuer shows what it refused', () => {
    const about = {
      policy: { observe: 600 },
      capabilities: { ...able, lastUsedLag: 300, reportsDenied: true },
    };
    expect(stepOf('Observe', about).what).toContain('shows within 10 min');
    expect(stepOf('Check breakage', about).earliest).toBe(plus(drained, 600 + 300 + 2 * 60));
  });

  test.each<readonly [string, About, string]>([
    ['the issuer cannot disable', {}, 'left out: issuer openai cannot take a key out of use and back'],
    [
      'nobody would see a refused call',
      { capabilities: able, declaration: { consumers: [] } },
      'left out: nobody would see a refused call: keyturn.yaml declares no consumer, and issuer openai does not show what it refuses',
    ],
  ])('is left out where %s, and the plan says so', (_what, about, said) => {
    expect(stepOf('Disable key', about)).toMatchObject({ what: said, earliest: null });
    expect(names(about)).not.toContain('Check breakage');
    expect(stepOf('Revoke key', about).earliest).toBe(drained);
  });
});

describe('an issuer that says when keys are used', () => {
  test('is asked too, and its lag counts', () => {
    const about = { capabilities: { lastUsedLag: 2 * hour } };
    expect(stepOf('Check drain', about).note).toContain(
      'issuer openai is asked too, and shows a use within 2 h',
    );
    expect(stepOf('Revoke key', about).earliest).toBe(plus(now, 10 + 900 + 2 * hour));
    expect(stepOf('Revoke key', about)).not.toHaveProperty('note');
  });

  test('proves the drain alone where no consumer is declared', () => {
    const about = { capabilities: { lastUsedLag: 60 }, declaration: { consumers: [] } };
    expect(stepOf('Move', about)).toMatchObject({
      who: 'billing-team',
      what: expect.stringContaining('only issuer openai says when it was used'),
    });
  });
});

describe('the start', () => {
  test('comes from the schedule', () => {
    expect(stepOf('Start').what).toBe(`every 90 d, last at ${plus(now, -90 * day)}`);
  });

  test('comes from the expiry of the key when that is sooner', () => {
    const expiresAt = plus(now, 2 * day);
    const { what } = stepOf('Start', { credential: { lastPromotedAt: plus(now, -day) }, key: { expiresAt } });
    expect(what).toBe(
      `key key_live_0001 expires at ${expiresAt}, and a whole grace must fit in a day before`,
    );
  });

  test('waits for the window, and the plan with it', () => {
    const windows = [{ days: ['tue' as const], from: '22:00', to: '24:00', timeZone: 'UTC' }];
    const opens = '2026-03-03T22:00:00.000Z';
    expect(stepOf('Start', { policy: { windows } })).toMatchObject({
      earliest: opens,
      what: expect.stringContaining('its window opens then'),
    });
    expect(stepOf('Promote key', { policy: { windows } }).earliest).toBe(plus(opens, 10));
    expect(stepOf('Revoke key', { policy: { windows } })).toMatchObject({ earliest: plus(opens, hour + 10) });
    const short = [{ days: ['tue' as const], from: '22:00', to: '22:15', timeZone: 'UTC' }];
    expect(stepOf('Revoke key', { policy: { windows: short } })).toMatchObject({
      earliest: plus(opens, 7 * day),
      note: expect.stringContaining('waits for its window'),
    });
  });

  test.each([
    [1200, '08:30'],
    [900, '08:30'],
    [900, '08:45'],
  ])(
    'verified after %d s, with a window that opens at %s, needs a second look as Promote key does',
    (createLag, from) => {
      const windows = [
        { days: ['mon' as const], from: '07:00', to: '08:15', timeZone: 'UTC' },
        { days: ['mon' as const], from, to: '10:00', timeZone: 'UTC' },
      ];
      const verified = plus(now, createLag);
      const opens = `2026-03-02T${from}:00.000Z`;
      const isOld = isProbeOld({ clock: manualClock(opens) }, aKey({ lastProbedAt: verified }));
      const about = { policy: { windows }, capabilities: { createLag } };
      const verifies = plan(about).filter(({ step }) => step === 'Verify key');
      const promoted = isOld ? plus(opens, createLag) : opens;
      expect(verifies.map(({ earliest }) => earliest)).toEqual(isOld ? [verified, promoted] : [verified]);
      expect(stepOf('Promote key', about).earliest).toBe(promoted);
      expect(isOld).toBe(from === '08:45');
    },
  );

  test('waits after failures', () => {
    const credential = { failures: 2, dueAt: plus(now, hour) };
    expect(stepOf('Start', { credential })).toMatchObject({
      earliest: plus(now, hour),
      what: 'another try after 2 abandoned in a row',
    });
    expect(stepOf('Start', { credential: { ...credential, failures: 5, status: 'failing' } }).what).toContain(
      'it is failing',
    );
  });

  test('is held by a pause, with who can take it back', () => {
    const pause = { at: now, by: 'ada', reason: 'release week' };
    expect(stepOf('Start', { credential: { pause } })).toMatchObject({
      who: 'ada',
      earliest: now,
      note: `paused by ada since ${now} (release week): "keyturn resume" lets it start`,
    });
  });

  test('is now when somebody asks, whatever the schedule says', () => {
    const credential = { dueAt: plus(now, 30 * day) };
    expect(stepOf('Start', { credential, asked: true })).toMatchObject({
      earliest: now,
      what: 'asked for now',
    });
  });

  test.each<readonly [string, Partial<Credential>, string]>([
    [
      'a rotation is under way',
      { activeRotation: 'r-1', dueAt: null, status: 'rotating' },
      'r-1 is under way',
    ],
    ['it is blocked', { status: 'blocked', dueAt: null }, 'starts when somebody asks for it'],
    ['it is retired', { status: 'retired', dueAt: null, currentGeneration: 0 }, 'it is retired'],
  ])('is all that can be told when %s', (_what, credential, said) => {
    const [start, ...others] = plan({ credential });
    expect(start).toMatchObject({ earliest: null, what: expect.stringContaining(said) });
    expect(others).toEqual([]);
  });
});

describe('what is different', () => {
  test('a first key has nobody to wait for', () => {
    const credential = { currentGeneration: 0, status: 'new' as const, lastPromotedAt: null };
    expect(names({ credential })).toEqual(['Start', 'Issue key', 'Verify key', 'Promote key', 'Complete']);
    expect(stepOf('Start', { credential }).what).toBe('it has no key yet');
  });

  test('an adoption makes no key', () => {
    const credential = { currentGeneration: 0, status: 'new' as const, lastPromotedAt: null };
    const declaration = { adopt: { keyId: 'key_old' } };
    expect(names({ credential, declaration })).toEqual(['Start', 'Verify key', 'Complete']);
    expect(stepOf('Verify key', { credential, declaration }).what).toContain('key key_old');
  });

  test('a retirement makes no key and ends the last one', () => {
    const credential = { removedAt: now, status: 'retiring' as const };
    expect(names({ credential })).toEqual([
      'Start',
      'Stop',
      'Check drain',
      'Ask owner',
      'Disable key',
      'Revoke key',
      'Prove dead',
      'Complete',
    ]);
    expect(stepOf('Complete', { credential }).note).toBe('the credential is retired then');
  });

  test('an issuer without room blocks it, and the plan says so before', () => {
    expect(stepOf('Issue key').note).toBe(
      'it allows 2 live keys, of which keyturn knows 1 of this credential',
    );
    expect(stepOf('Issue key', { capabilities: { maxLiveKeys: 1 } }).note).toContain('would end blocked');
  });

  test('an issuer without labels makes one key at a time', () => {
    expect(stepOf('Issue key').what).toContain('with a label');
    expect(stepOf('Issue key', { capabilities: { named: false } }).what).toContain('one at a time');
  });

  test('a key that is to expire says when, and is replaced before', () => {
    const about = { policy: { keyTtl: 30 * day }, capabilities: { expiry: true } };
    expect(stepOf('Issue key', about).what).toContain(`to expire at ${plus(now, 30 * day)}`);
    expect(stepOf('Complete', about).note).toBe(
      `the next rotation is due at ${plus(now, 30 * day - 4 * hour - day)}`,
    );
  });

  test('without anybody who says when keys are used nothing is ever proven', () => {
    expect(stepOf('Move', { declaration: { consumers: [] } })).toMatchObject({
      who: 'billing-team',
      what: expect.stringContaining('declares no consumer, and the issuer does not say when keys are used'),
      note: 'it never drains by proof, and both keys stay alive until its owner decides: declare who uses it',
    });
    const about = { credential: { removedAt: now }, declaration: { consumers: [] } };
    expect(stepOf('Stop', about).note).toContain('its last key stays alive');
    expect(stepOf('Ask owner', about).what).toContain('to extend or revoke; its last key stays alive');
    const revoke: About = { policy: { atDeadline: 'revoke' }, declaration: { consumers: [] } };
    expect(stepOf('Move', revoke).note).toBe('it never drains by proof: declare who uses it');
  });

  test('each consumer is named, with how long it may stay unknown', () => {
    const consumers = [
      { name: 'web', presence: 'continuous' as const, lostAfter: 2 * hour },
      { name: 'nightly', presence: 'intermittent' as const, lostAfter: hour, period: day },
    ];
    const moves = plan({ declaration: { consumers } }).filter(({ step }) => step === 'Move');
    expect(moves.map(({ who, note }) => `${who}: ${note}`)).toEqual([
      'web: a process that vanishes without goodbye holds the old key for 2 h',
      'nightly: between two runs it may sleep for 24 h, and is unknown until it has run',
    ]);
  });
});
