/** The part of a plan in which the old key lives on: who has to leave it, until when, and how it ends. */
import { nextLook } from '../usage/drain.ts';
import { type Instant, latest, plus } from '../usage/instant.ts';
import { silenceProvableAt } from '../usage/issuer-word.ts';
import type { Consumer } from '../usage/presence.ts';
import { span } from '../usage/span.ts';
import type { Credential } from './credential.ts';
import { mayChangeAt } from './due.ts';
import type { Key } from './key.ts';
import type { Course, PlannedStep } from './plan.ts';
import { aliveIn, deadlineStep } from './plan-deadline.ts';
import { revokedAfter, trialSteps } from './plan-trial.ts';

/** What ends the old key: from `begun` on nobody needs it. */
export function drainSteps(course: Course, oldKey: Key, begun: Instant): readonly PlannedStep[] {
  const { credential, capabilities } = course;
  const { issuer, consumers, policy } = credential.declaration;
  const { min, max, quiet } = policy.grace;
  const graceEnds = plus(begun, min);
  const deadline = plus(begun, max);
  const drained = drainedAt(course, begun);
  const revoked = revokedAt(course, begun);
  return [
    ...(consumers.length > 0 ? consumers : [null]).map((consumer) =>
      leave(course, consumer, begun, deadline),
    ),
    {
      step: 'Check drain',
      what: `nobody is on the old key, nobody is unknown, and it was silent for ${span(quiet)}`,
      who: 'keyturn',
      earliest: graceEnds,
      latest: deadline,
      note: `${looksUntil(course, begun)} looks at most until the deadline, the first at ${graceEnds}${lagWords(course)}`,
    },
    deadlineStep(course, oldKey, deadline),
    ...trialSteps(course, oldKey, drained),
    {
      step: 'Revoke key',
      what: `issuer ${issuer} revokes key ${oldKey.keyId}`,
      who: `issuer ${issuer}`,
      earliest: revoked,
      latest: null,
      ...(drained > provableAt(course, begun) && {
        note: 'it waits for its window, and is proven out of use anew when that opens',
      }),
    },
    {
      step: 'Prove dead',
      what: `the probe refuses the old key ${capabilities.probes} times in a row over ${span(capabilities.revokeLag)}`,
      who: `issuer ${issuer}`,
      earliest: plus(revoked, capabilities.revokeLag),
      latest: null,
    },
  ];
}

/** When the old key can be revoked at the earliest, if it is to leave from `begun` on. */
export const revokedAt = (course: Course, begun: Instant): Instant =>
  revokedAfter(course, drainedAt(course, begun));

/** When the proof can be complete while a window is open. */
const drainedAt = (course: Course, begun: Instant): Instant =>
  mayChangeAt(course.credential, provableAt(course, begun));

/** Not before an issuer that says when keys are used can have said it of the whole quiet. */
function provableAt({ credential, ...course }: Course, begun: Instant): Instant {
  const { min, quiet } = credential.declaration.policy.grace;
  const graceEnds = plus(begun, min);
  const issuer = silentIssuer({ credential, ...course });
  if (!issuer) return graceEnds;
  return latest(graceEnds, silenceProvableAt(issuer, { now: begun, promotedAt: begun, quiet }, null));
}

/** As a witness that has never seen the old key used; null when it does not say when keys are used. */
function silentIssuer({ credential, capabilities }: Course) {
  const { lastUsedLag: lag } = capabilities;
  if (lag === null) return null;
  return { name: credential.declaration.issuer, lag, lastProbedAt: null, lastUsedAt: null };
}

const lagWords = ({ credential, capabilities: { lastUsedLag } }: Course): string =>
  lastUsedLag === null
    ? ''
    : `; issuer ${credential.declaration.issuer} is asked too, and shows a use within ${span(lastUsedLag)}`;

/** @param consumer null when none is declared. */
function leave(
  { credential, capabilities }: Course,
  consumer: Consumer | null,
  earliest: Instant,
  latestAt: Instant,
): PlannedStep {
  const retires = credential.removedAt !== null;
  const step = { step: retires ? 'Stop' : 'Move', earliest, latest: latestAt };
  if (!consumer) return { ...step, ...nobodyDeclared(credential, capabilities.lastUsedLag !== null) };
  const { name, presence, period, lostAfter } = consumer;
  if (presence === 'continuous') {
    const what = retires
      ? 'its processes let go of the key'
      : 'its processes read the new key and let go of the old one';
    return {
      ...step,
      what,
      who: name,
      note: `a process that vanishes without goodbye holds the old key for ${span(lostAfter)}`,
    };
  }
  const what = retires ? 'it runs without the key' : 'it runs once with the new key';
  const note = `between two runs it may sleep for ${span(period ?? 0)}, and is unknown until it has run`;
  return { ...step, what, who: name, note };
}

/** @param witnessed whether the issuer says when keys are used. */
function nobodyDeclared(
  credential: Credential,
  witnessed: boolean,
): Pick<PlannedStep, 'what' | 'who' | 'note'> {
  const { owner, issuer, policy } = credential.declaration;
  if (witnessed) {
    const what = `whoever uses the old key: keyturn.yaml declares no consumer, so only issuer ${issuer} says when it was used`;
    return { what, who: owner.name, note: 'who holds it is then not known by name: declare who uses it' };
  }
  const what =
    'nobody can show that the old key is out of use: keyturn.yaml declares no consumer, and the issuer does not say when keys are used';
  const note =
    policy.atDeadline === 'revoke'
      ? 'it never drains by proof: declare who uses it'
      : `it never drains by proof, and ${aliveIn(credential)} until its owner decides: declare who uses it`;
  return { what, who: owner.name, note };
}

/** As many as Check drain takes when it never finds anything to wait for. */
function looksUntil(course: Course, promotedAt: Instant): number {
  const { policy, reportEvery } = course.credential.declaration;
  const { min, max, quiet } = policy.grace;
  const graceEnds = plus(promotedAt, min);
  const deadline = plus(promotedAt, max);
  const issuer = silentIssuer(course);
  let looks = 1;
  for (let now = graceEnds; now < deadline; looks += 1) {
    now = nextLook({ now, promotedAt, graceEnds, deadline, quiet, reportEvery, issuer }, null);
  }
  return looks;
}
