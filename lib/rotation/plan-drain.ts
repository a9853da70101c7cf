/** The part of a plan in which the old key lives on: who has to leave it, until when, and how it ends. */
import { nextLook } from '../usage/drain.ts';
import { type Instant, plus } from '../usage/instant.ts';
import type { Consumer } from '../usage/presence.ts';
import { span } from '../usage/span.ts';
import { maxExtensions } from './check-drain.ts';
import type { Credential } from './credential.ts';
import { mayChangeAt } from './due.ts';
import type { Key } from './key.ts';
import type { Course, PlannedStep } from './plan.ts';

/** What ends the old key: from `begun` on nobody needs it. */
export function drainSteps(course: Course, oldKey: Key, begun: Instant): readonly PlannedStep[] {
  const { credential, capabilities } = course;
  const { issuer, consumers, owner, policy } = credential.declaration;
  const { min, max, quiet } = policy.grace;
  const graceEnds = plus(begun, min);
  const deadline = plus(begun, max);
  const revoked = mayChangeAt(credential, graceEnds);
  const looks = looksUntil(course, begun);
  const alive = aliveIn(credential);
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
      note: `${looks} looks at most until the deadline, the first at ${graceEnds}`,
    },
    {
      step: 'Deadline',
      what: `a grace that is not over by then is extended ${maxExtensions} times by ${span(max)}, then it is overdue, and ${owner.name} is reminded each day: ${alive} until every declared consumer has let go of the old one`,
      who: owner.name,
      earliest: deadline,
      latest: plus(deadline, maxExtensions * max),
      note: expiryNote(oldKey, deadline) ?? 'without proof nothing is revoked',
    },
    {
      step: 'Disable key',
      what: 'left out: not yet, since no report of refused calls would bring the key back',
      who: 'keyturn',
      earliest: null,
      latest: null,
    },
    {
      step: 'Revoke key',
      what: `issuer ${issuer} revokes key ${oldKey.keyId}`,
      who: `issuer ${issuer}`,
      earliest: revoked,
      latest: null,
      ...(revoked > graceEnds && {
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

const aliveIn = ({ removedAt }: Credential): string =>
  removedAt === null ? 'both keys stay alive' : 'its last key stays alive';

/** @param consumer null when none is declared. */
function leave(
  { credential }: Course,
  consumer: Consumer | null,
  earliest: Instant,
  latest: Instant,
): PlannedStep {
  const retires = credential.removedAt !== null;
  const step = { step: retires ? 'Stop' : 'Move', earliest, latest };
  if (!consumer) {
    const what = 'nobody can show that the old key is out of use: keyturn.yaml declares no consumer';
    return {
      ...step,
      what,
      who: credential.declaration.owner.name,
      note: `it never completes, and ${aliveIn(credential)}: declare who uses it`,
    };
  }
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

/** As many as Check drain takes when it never finds anything to wait for. */
function looksUntil({ credential }: Course, promotedAt: Instant): number {
  const { policy, reportEvery } = credential.declaration;
  const { min, max, quiet } = policy.grace;
  const graceEnds = plus(promotedAt, min);
  const deadline = plus(promotedAt, max);
  let looks = 1;
  for (let now = graceEnds; now < deadline; looks += 1) {
    now = nextLook({ now, promotedAt, graceEnds, deadline, quiet, reportEvery }, null);
  }
  return looks;
}

const expiryNote = ({ keyId, expiresAt }: Key, deadline: Instant): string | undefined =>
  expiresAt && expiresAt < deadline
    ? `key ${keyId} expires before, at ${expiresAt}, whoever is on it then`
    : undefined;
