/** The step of a plan for a grace that ends without proof: what the policy says, and what its owner is asked. */
import { type Instant, plus } from '../usage/instant.ts';
import { span } from '../usage/span.ts';
import { maxExtensions } from './check-drain.ts';
import type { Credential } from './credential.ts';
import type { Key } from './key.ts';
import type { Course, PlannedStep } from './plan.ts';

/** @param deadline when the grace is over. */
export function deadlineStep(course: Course, oldKey: Key, deadline: Instant): PlannedStep {
  const { credential } = course;
  const { owner, policy } = credential.declaration;
  const note = expiryNote(oldKey, deadline);
  if (policy.atDeadline === 'revoke') {
    return {
      step: 'Deadline',
      what: 'a grace that is not over by then ends all the same, and the old key goes without proof: keyturn.yaml says so (atDeadline: revoke)',
      who: 'keyturn',
      earliest: deadline,
      latest: null,
      note: note ?? 'whoever still uses it then is cut off',
    };
  }
  const isExtended = policy.atDeadline === 'extend';
  const first = isExtended
    ? `a grace that is not over by its deadline is extended ${maxExtensions} times by ${span(policy.grace.max)}; then`
    : 'when the grace is not over by then,';
  return {
    step: 'Ask owner',
    what: `${first} ${owner.name} is asked, and reminded each day, to ${choicesOf(course)}; ${aliveIn(credential)} until a decision or the proof`,
    who: owner.name,
    earliest: isExtended ? plus(deadline, maxExtensions * policy.grace.max) : deadline,
    latest: null,
    note: note ?? 'if only quiet is missing, the deadline moves to where it ends, and nobody is asked',
  };
}

/** A retirement has no key to go back to. */
const choicesOf = ({ credential: { removedAt } }: Course): string =>
  removedAt === null ? 'extend, revoke or roll back' : 'extend or revoke';

const expiryNote = ({ keyId, expiresAt }: Key, deadline: Instant): string | undefined =>
  expiresAt && expiresAt < deadline
    ? `key ${keyId} expires before, at ${expiresAt}, whoever is on it then`
    : undefined;

/** Which keys live on while nothing is proven. */
export const aliveIn = ({ removedAt }: Pick<Credential, 'removedAt'>): string =>
  removedAt === null ? 'both keys stay alive' : 'its last key stays alive';
