import { describe, expect, test } from 'vitest';
import { advance } from '../../lib/rotation/advance.ts';
import { ImpossibleTransition } from '../../lib/rotation/errors.ts';
import {
  type Decision,
  graceFacts,
  nextStep,
  type Phase,
  type Rotation,
  type RotationEvent,
} from '../../lib/rotation/rotation.ts';
import type { DrainVerdict } from '../../lib/usage/drain.ts';
import { aRotation, someTime } from '../support/builders.ts';

const phases = [
  'issuing',
  'verifying',
  'verified',
  'promoting',
  'grace',
  'rolling-back',
  'disabling',
  'observing',
  'enabling',
  'revoking',
  'completing',
  'completed',
  'abandoning',
  'abandoned',
  'blocked',
] as const satisfies readonly Phase[];

const key = { generation: 2, attempt: 1, keyId: 'key_new' };
const old = { generation: 1, attempt: 1, keyId: 'key_old' };
const verdict: DrainVerdict = { outcome: 'drained', reason: 'nobody uses it', consumers: [], heldBy: [] };
const condemned = { ...key, why: 'orphan', revokedAt: null } as const;
const revoked = { ...condemned, revokedAt: someTime };

const decision: Decision = { choice: 'revoke', question: 1, by: 'ada', at: someTime };
const extension: Decision = { ...decision, choice: 'extend', seconds: 3600 };

type Events = { readonly [N in RotationEvent['name']]: Extract<RotationEvent, { readonly name: N }> };

const events: Events = {
  takenOver: { name: 'takenOver', run: 2 },
  attemptTaken: { name: 'attemptTaken', intent: { attempt: 1, at: someTime, listed: [] } },
  keyMinted: { name: 'keyMinted' },
  condemned: { name: 'condemned', key },
  keyStored: { name: 'keyStored' },
  keyVerified: { name: 'keyVerified' },
  keyAdopted: { name: 'keyAdopted', at: someTime },
  promotionBegun: { name: 'promotionBegun' },
  keyPromoted: { name: 'keyPromoted', at: someTime, graceMax: 3600 },
  keyDeployed: { name: 'keyDeployed', target: 'vault', at: someTime },
  deployFailed: { name: 'deployFailed', target: 'vault', at: someTime, reason: 'gone', told: false },
  retirementCancelled: { name: 'retirementCancelled', at: someTime, reason: 'declared again' },
  graceExtended: { name: 'graceExtended', bySeconds: 600 },
  drained: { name: 'drained', at: someTime, verdict, key: old, disables: false },
  keyDisabled: { name: 'keyDisabled', at: someTime },
  nothingBroken: { name: 'nothingBroken', key: old },
  breakageSeen: { name: 'breakageSeen', by: ['mirror'] },
  keySpared: { name: 'keySpared' },
  trialSkipped: { name: 'trialSkipped', reason: 'no right', key: old },
  keyEnabled: { name: 'keyEnabled', deadline: '2026-03-05T00:00:00.000Z' },
  decided: { name: 'decided', decision, key: old, disables: false },
  rolledBack: { name: 'rolledBack', at: someTime, graceMax: 3600 },
  rollBackRefused: { name: 'rollBackRefused', at: someTime, reason: 'it is dead' },
  decisionNeeded: { name: 'decisionNeeded', at: someTime, verdict },
  nothingToDrain: { name: 'nothingToDrain', at: someTime },
  proofAged: { name: 'proofAged' },
  revokeAccepted: { name: 'revokeAccepted', at: someTime },
  provenDead: { name: 'provenDead' },
  completed: { name: 'completed', at: someTime },
  abandonBegun: { name: 'abandonBegun', reason: 'the issuer refused' },
  abandoned: { name: 'abandoned', at: someTime },
  blocked: { name: 'blocked', at: someTime, reason: 'whose key is that?' },
};

/** The phase after the event, for every phase that allows it; what is not here is refused. */
const leadsTo: { readonly [N in RotationEvent['name']]: Partial<Readonly<Record<Phase, Phase>>> } = {
  takenOver: Object.fromEntries(phases.map((phase) => [phase, phase])),
  attemptTaken: { issuing: 'issuing' },
  keyMinted: { issuing: 'issuing' },
  condemned: { issuing: 'issuing', completing: 'completing', abandoning: 'abandoning' },
  keyStored: { issuing: 'verifying' },
  keyVerified: { verifying: 'verified', verified: 'verified' },
  keyAdopted: { verifying: 'completing' },
  promotionBegun: { verified: 'promoting' },
  keyPromoted: { promoting: 'grace' },
  keyDeployed: { grace: 'grace' },
  deployFailed: { grace: 'grace' },
  retirementCancelled: { grace: 'abandoned', revoking: 'abandoned' },
  graceExtended: { grace: 'grace' },
  drained: { grace: 'revoking' },
  keyDisabled: { disabling: 'observing' },
  nothingBroken: { observing: 'revoking' },
  breakageSeen: { observing: 'enabling' },
  keySpared: { disabling: 'enabling', observing: 'enabling' },
  trialSkipped: { disabling: 'revoking' },
  keyEnabled: { enabling: 'grace' },
  decided: { grace: 'revoking', disabling: 'revoking', observing: 'revoking', enabling: 'revoking' },
  rolledBack: { 'rolling-back': 'grace' },
  rollBackRefused: { 'rolling-back': 'grace' },
  decisionNeeded: { grace: 'grace' },
  nothingToDrain: { grace: 'completing' },
  proofAged: { revoking: 'grace' },
  revokeAccepted: {},
  provenDead: {},
  completed: { completing: 'completed' },
  abandonBegun: { issuing: 'abandoning', verifying: 'abandoning', verified: 'abandoning' },
  abandoned: { abandoning: 'abandoned' },
  blocked: { issuing: 'blocked', abandoning: 'blocked' },
};

/** Events that only a rotation of one kind knows. */
const kinds: Partial<Readonly<Record<RotationEvent['name'], Rotation['kind']>>> = {
  keyAdopted: 'adopt',
  retirementCancelled: 'retire',
};

const names = Object.keys(events) as readonly RotationEvent['name'][];

describe.each(names)('%s', (name) => {
  test.each(phases)('in phase %s is allowed or refused as the table says', (phase) => {
    const rotation = aRotation({ at: phase, kind: kinds[name] ?? 'rotate' });
    const next = leadsTo[name][phase];
    if (next) expect(advance(rotation, events[name]).phase).toBe(next);
    else expect(() => advance(rotation, events[name])).toThrow(ImpossibleTransition);
  });
});

describe('a condemned key', () => {
  const where: readonly Phase[] = ['issuing', 'revoking', 'completing', 'abandoning'];

  test.each(where)('is revoked and proven dead in phase %s', (phase) => {
    const accepted = advance(aRotation({ at: phase, condemned }), events.revokeAccepted);
    expect(accepted).toMatchObject({ phase, condemned: { keyId: 'key_new', revokedAt: someTime } });
    const proven = advance(accepted, events.provenDead);
    expect(proven).toMatchObject({ phase: phase === 'revoking' ? 'completing' : phase, condemned: null });
  });

  test('is not proven dead before its revoke was accepted', () => {
    const rotation = aRotation({ at: 'revoking', condemned });
    expect(() => advance(rotation, events.provenDead)).toThrow(ImpossibleTransition);
  });

  test('is the only one at a time', () => {
    const rotation = aRotation({ at: 'issuing', condemned });
    expect(() => advance(rotation, events.condemned)).toThrow(ImpossibleTransition);
  });

  test.each([
    ['issuing', 'orphan'],
    ['completing', 'orphan'],
    ['abandoning', 'abandoned'],
  ] as const)('in phase %s is condemned as %s', (phase, why) => {
    expect(advance(aRotation({ at: phase }), events.condemned).condemned).toEqual({
      ...key,
      why,
      revokedAt: null,
    });
  });

  test('that was drained is the old one', () => {
    const rotation = advance(aRotation({ at: 'grace', checks: 2 }), events.drained);
    expect(rotation).toMatchObject({
      condemned: { ...old, why: 'old', revokedAt: null },
      drainedAt: someTime,
      verdict,
      checks: 3,
    });
  });
});

describe('a decision', () => {
  const asked = advance(aRotation({ at: 'grace', token: 'token-1' }), events.decisionNeeded);
  const decided = (what: Partial<Decision>, disables = false) =>
    advance(asked, { ...events.decided, decision: { ...decision, ...what } as Decision, disables });

  test('answers the question, and nobody is waited for any more', () => {
    expect(graceFacts(asked)?.question).toEqual({ number: 1, askedAt: someTime, remindedAt: someTime });
    expect(decided({})).toMatchObject({ question: null, questions: 1, token: null, decision });
  });

  test('to revoke condemns the key at once, or lets it be tried first', () => {
    expect(decided({})).toMatchObject({
      phase: 'revoking',
      condemned: { ...old, why: 'old' },
      drainedAt: null,
    });
    expect(decided({}, true)).toMatchObject({ phase: 'disabling', condemned: null });
  });

  test('to extend counts from the deadline, or from now when that has passed', () => {
    expect(decided({ choice: 'extend', seconds: 3600 })).toMatchObject({
      phase: 'grace',
      deadline: '2026-03-02T13:00:00.000Z',
    });
    const late = { choice: 'extend', seconds: 3600, at: '2026-03-03T00:00:00.000Z' } as const;
    expect(decided(late)).toMatchObject({ deadline: '2026-03-03T01:00:00.000Z' });
  });

  test.each(['disabling', 'observing'] as const)('to extend enables a key that is %s again', (at) => {
    const extended = advance(aRotation({ at }), { ...events.decided, decision: extension });
    expect(extended).toMatchObject({ phase: 'enabling', keepUntil: graceFacts(extended)?.deadline });
  });

  test('to roll back can be made once, and not where no key comes after', () => {
    const back = { ...events.decided, decision: { ...decision, choice: 'roll-back' } } as const;
    expect(advance(asked, back).phase).toBe('rolling-back');
    expect(() => advance(aRotation({ at: 'grace', leaving: 'new' }), back)).toThrow(ImpossibleTransition);
    expect(() => advance(aRotation({ at: 'grace', kind: 'retire' }), back)).toThrow(ImpossibleTransition);
  });
});

describe('a question', () => {
  test('keeps its number as long as it is open, and the next one has the next number', () => {
    const asked = advance(aRotation({ at: 'grace' }), events.decisionNeeded);
    const tomorrow = '2026-03-03T08:00:00.000Z';
    const reminded = advance(asked, { ...events.decisionNeeded, at: tomorrow });
    expect(graceFacts(reminded)).toMatchObject({
      questions: 1,
      question: { number: 1, askedAt: someTime, remindedAt: tomorrow },
    });
    const extended = advance(reminded, { ...events.decided, decision: extension });
    expect(graceFacts(advance(extended, events.decisionNeeded))?.question?.number).toBe(2);
  });

  test('is void when the key is drained', () => {
    const asked = advance(aRotation({ at: 'grace' }), events.decisionNeeded);
    expect(advance(asked, events.drained)).toMatchObject({ phase: 'revoking', question: null });
  });

  test('follows a roll back that was refused', () => {
    const refused = advance(aRotation({ at: 'rolling-back', questions: 1 }), events.rollBackRefused);
    expect(refused).toMatchObject({ phase: 'grace', refusal: 'it is dead', question: { number: 2 } });
  });
});

describe('a roll back', () => {
  test('begins a grace of its own, in which the new key leaves', () => {
    const grace = { extensions: 2, checks: 9, questions: 1, deployments: {} };
    const rolled = advance(aRotation({ at: 'rolling-back', ...grace }), events.rolledBack);
    expect(rolled).toMatchObject({
      phase: 'grace',
      leaving: 'new',
      promotedAt: someTime,
      deadline: '2026-03-02T09:00:00.000Z',
      extensions: 0,
      checks: 0,
      questions: 1,
    });
    const drained = advance(rolled, { ...events.drained, key });
    expect(drained.condemned).toEqual({ ...key, why: 'new', revokedAt: null });
  });
});

describe('a key on trial', () => {
  test('is disabled before it is condemned', () => {
    const disabling = advance(aRotation({ at: 'grace' }), { ...events.drained, disables: true });
    expect(disabling).toMatchObject({ phase: 'disabling', condemned: null, drainedAt: someTime });
    const observing = advance(disabling, events.keyDisabled);
    expect(observing).toMatchObject({ phase: 'observing', disabledAt: someTime });
    expect(advance(observing, events.nothingBroken)).toMatchObject({
      phase: 'revoking',
      condemned: { ...old, why: 'old' },
      disabledAt: someTime,
    });
  });

  test('that was missed comes back with a grace that lasts', () => {
    const missed = advance(aRotation({ at: 'observing' }), events.breakageSeen);
    expect(missed).toMatchObject({ phase: 'enabling', breakages: 1, brokenBy: ['mirror'] });
    expect(advance(missed, events.keyEnabled)).toMatchObject({
      phase: 'grace',
      deadline: events.keyEnabled.deadline,
      disabledAt: null,
      drainedAt: null,
    });
  });

  test('that has been condemned can be spared until the issuer was asked', () => {
    const toRevoke = advance(aRotation({ at: 'observing' }), events.nothingBroken);
    expect(advance(toRevoke, events.keySpared)).toMatchObject({ phase: 'enabling', condemned: null });
    const asked = advance(toRevoke, events.revokeAccepted);
    expect(() => advance(asked, events.keySpared)).toThrow(ImpossibleTransition);
  });

  test('is not given up by a retirement that is cancelled before it is enabled', () => {
    const toRevoke = advance(aRotation({ at: 'observing', kind: 'retire' }), events.nothingBroken);
    expect(() => advance(toRevoke, events.retirementCancelled)).toThrow(ImpossibleTransition);
    expect(() => advance(toRevoke, events.proofAged)).toThrow(ImpossibleTransition);
  });
});

describe('the facts of an event', () => {
  test('stand in the rotation after it', () => {
    expect(advance(aRotation(), events.takenOver).run).toBe(2);
    expect(advance(aRotation(), events.attemptTaken)).toMatchObject({ attempt: 1, intent: { at: someTime } });
    expect(advance(aRotation({ at: 'abandoning' }), events.abandoned)).toMatchObject({ endedAt: someTime });
    expect(advance(aRotation(), events.blocked)).toMatchObject({ reason: 'whose key is that?' });
  });

  test('give the grace its deadline, and an extension moves it', () => {
    const grace = advance(aRotation({ at: 'promoting' }), events.keyPromoted);
    expect(graceFacts(grace)).toMatchObject({
      promotedAt: someTime,
      deadline: '2026-03-02T09:00:00.000Z',
      extensions: 0,
      checks: 0,
      verdict: null,
      drainedAt: null,
    });
    expect(advance(grace, events.graceExtended)).toMatchObject({
      deadline: '2026-03-02T09:10:00.000Z',
      extensions: 1,
    });
  });

  test('never change the rotation that was given', () => {
    const rotation = aRotation({ at: 'grace' });
    const copy = structuredClone(rotation);
    advance(rotation, events.drained);
    expect(rotation).toEqual(copy);
  });
});

test('a rotation has no grace facts before it is promoted', () => {
  expect(graceFacts(aRotation({ at: 'promoting' }))).toBeUndefined();
});

describe('the next step', () => {
  test.each<readonly [Phase, ReturnType<typeof nextStep>]>([
    ['issuing', 'issueKey'],
    ['verifying', 'verifyKey'],
    ['verified', 'promoteKey'],
    ['promoting', 'promoteKey'],
    ['grace', 'checkDrain'],
    ['rolling-back', 'rollBack'],
    ['disabling', 'disableKey'],
    ['observing', 'disableKey'],
    ['enabling', 'enableKey'],
    ['revoking', 'revokeKey'],
    ['completing', 'complete'],
    ['completed', 'end'],
    ['abandoning', 'abandon'],
    ['abandoned', 'end'],
    ['blocked', 'end'],
  ])('of a rotation that is %s is %s', (phase, step) => {
    expect(nextStep(aRotation({ at: phase }))).toBe(step);
  });

  test.each([
    ['is to be revoked', condemned, 'revokeKey'],
    ['is to be proven dead', revoked, 'proveDead'],
  ] as const)('of a rotation whose condemned key %s comes before its phase', (_what, key, step) => {
    const rotations: readonly Rotation[] = phases.map((at) => aRotation({ at, condemned: key }));
    expect(rotations.map(nextStep)).toEqual(phases.map(() => step));
  });
});
