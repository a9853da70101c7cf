/** Plan: what a credential's next rotation will do, who has to do something, and by when, before anything runs. */
import { type Instant, plus } from '../usage/instant.ts';
import { span } from '../usage/span.ts';
import type { Credential } from './credential.ts';
import { dueAfter, mayChangeAt } from './due.ts';
import { isLive, type Key } from './key.ts';
import { drainSteps, revokedAt } from './plan-drain.ts';
import { plannedStart } from './plan-start.ts';
import type { Capabilities } from './ports.ts';
import { probeLasts } from './prove-alive.ts';
import type { RotationKind } from './rotation.ts';
import { kindOf } from './rotation-kind.ts';

/** A step of the workflow under its own name, or something that it waits for. */
export interface PlannedStep {
  readonly step: string;
  readonly what: string;
  /** Who has to do it, by name. */
  readonly who: string;
  /** When it can be done at the earliest; null while nobody can tell. */
  readonly earliest: Instant | null;
  /** When it must be done; null when keyturn waits as long as it takes. */
  readonly latest: Instant | null;
  readonly note?: string;
}

export interface PlanQuestion {
  readonly credential: Credential;
  /** All keys that the ledger knows. */
  readonly keys: readonly Key[];
  readonly capabilities: Capabilities;
  readonly now: Instant;
  /** Whether somebody asks for it now. @default false: as the schedule has it */
  readonly asked?: boolean;
}

/** The question, with what follows from it. */
export interface Course extends PlanQuestion {
  readonly oldKey: Key | undefined;
  readonly startsAt: Instant;
}

/**
 * Every step in its order, with what its policy and its issuer's capabilities make of it. Pure: nothing is asked of
 * anybody. Moments assume that each step needs no longer than it must and that keyturn waits for nobody; what ends
 * with the drain can take longer, as its steps say.
 */
export function planOf(question: PlanQuestion): readonly PlannedStep[] {
  const { credential, keys, now, asked = false } = question;
  const { at, why, held } = plannedStart(credential, keys, now, asked);
  const start = { step: 'Start', what: why, who: starter(credential, asked), earliest: at, latest: null };
  if (at === null) return [start];
  const oldKey = keys.find(({ status }) => status === 'current');
  const course = { ...question, oldKey, startsAt: at };
  return [held ? { ...start, note: held } : start, ...stepsOf[kindOf(credential, keys)](course)];
}

const starter = ({ pause }: Credential, asked: boolean): string =>
  pause ? pause.by : asked ? 'whoever asks' : 'keyturn';

const stepsOf = { rotate, adopt, retire } satisfies Record<
  RotationKind,
  (course: Course) => readonly PlannedStep[]
>;

function rotate(course: Course): readonly PlannedStep[] {
  const { credential, capabilities, startsAt } = course;
  const { declaration } = credential;
  const verified = plus(startsAt, capabilities.createLag);
  const opens = mayChangeAt(credential, verified);
  const isOld = plus(verified, probeLasts) < opens;
  const again = plus(opens, capabilities.createLag);
  const promoted = isOld ? mayChangeAt(credential, again) : opens;
  return [
    issue(course),
    verify(course, 'the new key', verified),
    ...(isOld
      ? [{ ...verify(course, 'the new key', again), note: 'again, since it will have waited for its window' }]
      : []),
    {
      step: 'Promote key',
      what: `AWSCURRENT of secret ${declaration.secret.name} moves: from here consumers can read the new key, and nothing is abandoned any more`,
      who: 'keyturn',
      earliest: promoted,
      latest: null,
      ...(promoted > verified && { note: 'it waits for its window' }),
    },
    ...(declaration.targets ?? []).map((target) => deploy(target, promoted)),
    ...(course.oldKey ? drainSteps(course, course.oldKey, promoted) : []),
    complete(course, promoted),
  ];
}

function adopt(course: Course): readonly PlannedStep[] {
  const { declaration } = course.credential;
  const verified = plus(course.startsAt, course.capabilities.createLag);
  const key = `key ${declaration.adopt?.keyId}, which secret ${declaration.secret.name} holds already,`;
  const due = dueAfter(declaration.policy, { expiresAt: null }, verified);
  return [
    { ...verify(course, key, verified), note: 'no key is made, and nothing that consumers read is changed' },
    {
      step: 'Complete',
      what: 'the key becomes the first generation',
      who: 'keyturn',
      earliest: verified,
      latest: null,
      note: `the next rotation is due at ${due}; sooner if the issuer says that the key is older, but not within a day`,
    },
  ];
}

function retire(course: Course): readonly PlannedStep[] {
  const { oldKey, startsAt } = course;
  return [...(oldKey ? drainSteps(course, oldKey, startsAt) : []), complete(course, startsAt)];
}

function issue({ credential, keys, capabilities, startsAt }: Course): PlannedStep {
  const { issuer, policy } = credential.declaration;
  const live = keys.filter(isLive).length;
  const room = `it allows ${capabilities.maxLiveKeys} live keys, of which keyturn knows ${live} of this credential`;
  const found = capabilities.named
    ? 'with a label, by which it is found after a crash'
    : 'one at a time, since it takes no label';
  const until = policy.keyTtl && capabilities.expiry ? `, to expire at ${plus(startsAt, policy.keyTtl)}` : '';
  return {
    step: 'Issue key',
    what: `issuer ${issuer} makes a key, ${found}${until}`,
    who: capabilities.create === 'human' ? 'a person' : `issuer ${issuer}`,
    earliest: startsAt,
    latest: null,
    note:
      live < capabilities.maxLiveKeys ? room : `${room}: there is no room, so the rotation would end blocked`,
  };
}

const verify = ({ credential, capabilities }: Course, key: string, earliest: Instant): PlannedStep => ({
  step: 'Verify key',
  what: `the probe refuses a random key and accepts ${key} ${capabilities.probes} times in a row over ${span(capabilities.createLag)}`,
  who: `issuer ${credential.declaration.issuer}`,
  earliest,
  latest: null,
});

const deploy = (target: string, earliest: Instant): PlannedStep => ({
  step: 'Deploy key',
  what: `target ${target} gets the new key`,
  who: `target ${target}`,
  earliest,
  latest: null,
  note: 'until it has the new key, the old one stays alive',
});

function complete(course: Course, promoted: Instant): PlannedStep {
  const { credential, capabilities, oldKey } = course;
  const { policy } = credential.declaration;
  const ended = plus(revokedAt(course, promoted), capabilities.revokeLag);
  const retires = credential.removedAt !== null;
  const earliest = oldKey ? ended : promoted;
  const expiresAt = policy.keyTtl && capabilities.expiry ? plus(course.startsAt, policy.keyTtl) : null;
  return {
    step: 'Complete',
    what: 'a last look at the issuer for stray keys',
    who: 'keyturn',
    earliest,
    latest: null,
    note: retires
      ? 'the credential is retired then'
      : `the next rotation is due at ${dueAfter(policy, { expiresAt }, earliest)}`,
  };
}
