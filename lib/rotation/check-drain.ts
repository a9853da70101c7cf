/** Check drain: decides whether the old key may die, from what consumers and their silence prove. */
import { type DrainQuestion, type DrainVerdict, drainVerdict, nextLook } from '../usage/drain.ts';
import { type Instant, plus, type Seconds, secondsBetween } from '../usage/instant.ts';
import type { Key } from './key.ts';
import type { Ports, RotationRef } from './ports.ts';
import { expectedWithin } from './record-change.ts';
import { type GraceFacts, graceFacts, type NextStep, nextStep } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { newKey, oldKey } from './turn-state.ts';

type DrainPorts = TurnPorts & Pick<Ports, 'usage' | 'metrics'>;

/** Where the workflow goes: on, or to sleep until `lookAt`. */
export type DrainStep = { readonly next: NextStep } | { readonly next: 'wait'; readonly lookAt: Instant };

/** Extensions by grace.max before a person has to decide. */
export const maxExtensions = 3;

/** An overdue rotation is looked at, and its owner reminded, once a day. */
const remindEvery: Seconds = 86_400;

/**
 * 1. No old key (a first rotation): on to Complete.
 * 2. Drained: condemns the old key and goes on to Revoke key. This is the only way to there.
 * 3. Waiting: notes the verdict and says when to look again.
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
    const old = oldKey(turn);
    return old ? decide(ports, ref, turn, old, facts) : skip(ports, turn);
  });
}

async function skip(ports: DrainPorts, turn: Turn): Promise<DrainStep> {
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
  if (verdict.outcome === 'drained') {
    const { generation, attempt, keyId } = old;
    await turn.record({ name: 'drained', at: question.now, verdict, old: { generation, attempt, keyId } });
    return { next: nextStep(turn.rotation) };
  }
  const lookAt =
    verdict.outcome === 'overdue'
      ? await pastDeadline(ports, turn, question, verdict)
      : nextLook(question, verdict.lastOldUse);
  await ports.ledger.note(ref, {
    checks: facts.checks + 1,
    verdict,
    expectedBy: plus(lookAt, expectedWithin),
  });
  return { next: 'wait', lookAt };
}

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
    newVersionId: newKey(turn).versionId,
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
    const lookAt = plus(turn.rotation.expectedBy, -expectedWithin);
    if (facts?.verdict?.outcome === 'overdue' && lookAt > question.now) return lookAt;
    ports.metrics.count('RotationOverdue', { credential: turn.credential.id });
    const { owner } = turn.credential.declaration;
    const detail = { reason: verdict.reason, heldBy: verdict.heldBy, owner };
    const announce = { type: 'Decision Needed' as const, detail };
    await turn.record({ name: 'decisionNeeded', verdict }, { announce, sleeps: remindEvery });
    return plus(question.now, remindEvery);
  }
  const bySeconds = verdict.quietAt
    ? secondsBetween(question.deadline, verdict.quietAt)
    : turn.credential.declaration.policy.grace.max;
  await turn.record({ name: 'graceExtended', bySeconds });
  return nextLook({ ...question, deadline: plus(question.deadline, bySeconds) }, verdict.quietAt);
}
