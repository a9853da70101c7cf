/** The part of a plan in which the old key is disabled for a trial, or why it is not. */
import { breakageLook, canSeeBreakage } from '../usage/breakage.ts';
import type { Instant } from '../usage/instant.ts';
import { span } from '../usage/span.ts';
import { maxBreakages } from './check-drain.ts';
import { observeOf } from './disable-key.ts';
import type { Key } from './key.ts';
import type { Course, PlannedStep } from './plan.ts';

/** @param drained when the key is disabled at the earliest. */
export function trialSteps(course: Course, oldKey: Key, drained: Instant): readonly PlannedStep[] {
  const { issuer, owner, policy } = course.credential.declaration;
  const leftOut = whyLeftOut(course);
  if (leftOut) {
    const what = `left out: ${leftOut}`;
    return [{ step: 'Disable key', what, who: 'keyturn', earliest: null, latest: null }];
  }
  return [
    {
      step: 'Disable key',
      what: `issuer ${issuer} takes key ${oldKey.keyId} out of use for a trial`,
      who: `issuer ${issuer}`,
      earliest: drained,
      latest: null,
    },
    {
      step: 'Observe',
      what: `whoever misses it shows within ${span(observeOf(policy))}, in reports or at the issuer`,
      who: 'keyturn',
      earliest: drained,
      latest: null,
    },
    {
      step: 'Check breakage',
      what: 'nobody missed it, as far as everybody has been heard',
      who: 'keyturn',
      earliest: revokedAfter(course, drained),
      latest: null,
      note: `a key that was missed is enabled again and drains anew; after ${maxBreakages} times ${owner.name} is asked`,
    },
  ];
}

/** @returns when the key can be revoked, if it is proven out of use at `drained`: at once, or after its trial. */
export function revokedAfter(course: Course, drained: Instant): Instant {
  if (whyLeftOut(course)) return drained;
  const { policy, reportEvery } = course.credential.declaration;
  const { reportsDenied, lastUsedLag } = course.capabilities;
  return breakageLook({
    now: drained,
    disabledAt: drained,
    observe: observeOf(policy),
    reportEvery,
    lag: reportsDenied ? (lastUsedLag ?? 0) : 0,
  });
}

/** In words; undefined where the key can be disabled and somebody would tell who misses it. */
function whyLeftOut({ credential, capabilities }: Course): string | undefined {
  const { issuer, consumers: declared } = credential.declaration;
  const { disable, reportsDenied } = capabilities;
  if (!disable) return `issuer ${issuer} cannot take a key out of use and back`;
  return canSeeBreakage({ declared, reportsDenied })
    ? undefined
    : `nobody would see a refused call: keyturn.yaml declares no consumer, and issuer ${issuer} does not show what it refuses`;
}
