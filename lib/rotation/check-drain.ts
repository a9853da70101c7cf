/** Check drain: decides whether the old key may die, from what consumers and their silence prove. */
import { type DrainQuestion, type DrainVerdict, drainVerdict, nextLook } from '../usage/drain.ts';
import { earliest, type Instant, plus, type Seconds, secondsBetween } from '../usage/instant.ts';
import { cancelRetirement, isDeclaredAgain } from './cancel-retirement.ts';
import { targetsBehind } from './deploy-key.ts';
import { mayChangeAt } from './due.ts';
import type { Key } from './key.ts';
import type { Ports, RotationRef } from './ports.ts';
import { expectedWithin } from './record-change.ts';
import { type GraceFacts, graceFacts, type NextStep, nextStep } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { newKey, oldKey } from './turn-state.ts';

type DrainPorts = TurnPorts & Pick<Ports, 'usage' | 'metrics'>;

/** Where the workflow goes: on, or to sleep until `lookAt`, by way of the targets that lack the new key. */
export type DrainStep =
  | { readonly next: NextStep }
  | { readonly next: 'wait'; readonly lookAt: Instant }
  | { readonly next: 'deployKey'; readonly lookAt: Instant; readonly targets: readonly string[] };

/** Extensions by grace.max before a person has to decide. */
export const maxExtensions = 3;

/** Targets that lack the new key are tried again at least this often, however far away the next look is. */
const deployEvery: Seconds = 12 * 3600;

/** How long the workflow's own tries at a target may take. */
const deploysFor: Seconds = 2 * 3600;

/** An overdue rotation is looked at, and its owner reminded, once a day. */
const remindEvery: Seconds = 86_400;

/**
 * 1. No old key (a first rotation): on to Complete, once every target has the new one.
 * 2. Drained: condemns the old key and goes on to Revoke key, once a window of the policy is open; when it opens, the
 *    proof is made anew. This is the only way to there.
 * 3. Waiting: notes the verdict and says when to look again.
 *    Targets that lack the new key are tried again meanwhile.
 * 4. Past the deadline: moves it once to where the last quiet ends if only quiet is missing; extends it by grace.max
 *    up to three times; then asks the owner daily, and waits. It never revokes without proof.
 *
 * Run twice, it looks twice; the second look after a condemnation only repeats where to go, and an owner who was
 * asked today is not asked again.
 */
export async function checkDrain(ports: DrainPorts, ref: RotationRef): Promise<DrainStep> {
  return takeTurn(ports, 'checkDrain', ref, async (turn) => {
    const facts = graceFacts(turn.rotation);
    if (turn.rotation.phase !== 'grace' || !facts) return { next: nextStep(turn.rotation) };
    if (isDeclaredAgain(turn)) {
      await cancelRetirement(ports, turn);
      return { next: nextStep(turn.rotation) };
    }
    const old = oldKey(turn);
    return old ? decide(ports, ref, turn, old, facts) : skip(ports, ref, turn);
  });
}

/** A first key waits for nobody, but its rotation is not over while a target has yet to get it. */
async function skip(ports: DrainPorts, ref: RotationRef, turn: Turn): Promise<DrainStep> {
  const targets = targetsBehind(turn);
  if (targets.length > 0) {
    const lookAt = plus(ports.clock.now(), deployEvery);
    await ports.ledger.note(ref, {
      expectedBy: plus(lookAt, expectedWithin(turn.credential) + deploysFor),
    });
    return { next: 'deployKey', lookAt, targets };
  }
  await turn.record({ name: 'nothingToDrain', at: ports.clock.now() });
  return { next: nextStep(turn.rotation) };
}

async function decide(
  ports: DrainPorts,
  ref: RotationRef,
  turn: Turn,
  old: Key,
  facts: GraceFacts,
): Promise<DrainStep> {
  const question = await questionOf(ports, turn, old, facts);
  const verdict = drainVerdict(question);
  const opens = mayChangeAt(turn.credential, question.now);
  if (verdict.outcome === 'drained' && opens <= question.now) {
    const { generation, attempt, keyId } = old;
    await turn.record({ name: 'drained', at: question.now, verdict, old: { generation, attempt, keyId } });
    ports.metrics.gauge('DrainSeconds', secondsBetween(facts.promotedAt, question.now));
    return { next: nextStep(turn.rotation) };
  }
  const lookAt = await nextLookAfter(ports, turn, question, verdict, opens);
  const targets = question.targetsBehind;
  await ports.ledger.note(ref, {
    checks: facts.checks + 1,
    verdict: verdict.outcome === 'drained' ? shutOut(verdict, opens) : verdict,
    expectedBy: plus(lookAt, expectedWithin(turn.credential) + (targets.length > 0 ? deploysFor : 0)),
  });
  return targets.length > 0 ? { next: 'deployKey', lookAt, targets } : { next: 'wait', lookAt };
}

async function nextLookAfter(
  ports: DrainPorts,
  turn: Turn,
  question: DrainQuestion,
  verdict: DrainVerdict,
  opens: Instant,
): Promise<Instant> {
  if (verdict.outcome === 'drained') return opens;
  const lookAt =
    verdict.outcome === 'overdue'
      ? await pastDeadline(ports, turn, question, verdict)
      : nextLook(question, verdict.lastOldUse);
  return question.targetsBehind.length > 0 ? earliest(lookAt, plus(question.now, deployEvery)) : lookAt;
}

/** Nothing but the window is missing, which is no reason to ask anybody. */
const shutOut = (verdict: DrainVerdict, opens: Instant): DrainVerdict => ({
  ...verdict,
  outcome: 'waiting',
  lastOldUse: null,
  reason: `${verdict.reason}; its window opens at ${opens}`,
});

async function questionOf(
  ports: DrainPorts,
  turn: Turn,
  old: Key,
  facts: GraceFacts,
): Promise<DrainQuestion> {
  const { id, declaration } = turn.credential;
  const { grace } = declaration.policy;
  const presence = await ports.usage.presence(id);
  return {
    now: ports.clock.now(),
    promotedAt: facts.promotedAt,
    graceEnds: plus(facts.promotedAt, grace.min),
    deadline: facts.deadline,
    quiet: grace.quiet,
    reportEvery: declaration.reportEvery,
    oldVersionId: old.versionId,
    newVersionId: turn.rotation.kind === 'retire' ? null : newKey(turn).versionId,
    targetsBehind: targetsBehind(turn),
    declared: declaration.consumers,
    presence,
  };
}

type Overdue = Extract<DrainVerdict, { outcome: 'overdue' }>;

/** @returns when to look again. */
async function pastDeadline(
  ports: DrainPorts,
  turn: Turn,
  question: DrainQuestion,
  verdict: Overdue,
): Promise<Instant> {
  const facts = graceFacts(turn.rotation);
  const extensions = facts?.extensions ?? maxExtensions;
  if (extensions >= maxExtensions) {
    const askAgainAt = facts?.askedAt && plus(facts.askedAt, remindEvery);
    if (askAgainAt && askAgainAt > question.now) return askAgainAt;
    ports.metrics.count('RotationOverdue', { credential: turn.credential.id });
    const { owner } = turn.credential.declaration;
    const detail = { reason: verdict.reason, heldBy: verdict.heldBy, owner };
    const announce = { type: 'Decision Needed' as const, detail };
    const asked = { name: 'decisionNeeded', at: question.now, verdict } as const;
    await turn.record(asked, { announce, sleeps: remindEvery });
    return plus(question.now, remindEvery);
  }
  const bySeconds = verdict.quietAt
    ? secondsBetween(question.deadline, verdict.quietAt)
    : Math.max(0, secondsBetween(question.deadline, question.now)) +
      turn.credential.declaration.policy.grace.max;
  await turn.record({ name: 'graceExtended', bySeconds });
  return nextLook({ ...question, deadline: plus(question.deadline, bySeconds) }, verdict.quietAt);
}
