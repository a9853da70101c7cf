/** Check drain: decides whether the leaving key may end, from what consumers, the issuer and their silence prove. */
import { canSeeBreakage } from '../usage/breakage.ts';
import { type DrainQuestion, type DrainVerdict, drainVerdict, nextLook } from '../usage/drain.ts';
import { earliest, type Instant, plus, type Seconds, secondsBetween } from '../usage/instant.ts';
import { answerWithin, remindEvery } from './ask-owner.ts';
import { cancelRetirement, isDeclaredAgain } from './cancel-retirement.ts';
import { targetsBehind } from './deploy-key.ts';
import { drainQuestion, issuerWitness } from './drain-question.ts';
import { mayChangeAt } from './due.ts';
import type { Key } from './key.ts';
import type { Issuer, Ports, RotationRef } from './ports.ts';
import { expectedWithin } from './record-change.ts';
import { type GraceFacts, graceFacts, type NextStep, nextStep } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { idsOf, leavingKey } from './turn-state.ts';

type DrainPorts = TurnPorts & Pick<Ports, 'usage' | 'issuers' | 'metrics'>;

/** Where the workflow goes: on, or to sleep until `lookAt`, by way of the targets that lack the key; or to the owner. */
export type DrainStep =
  | { readonly next: NextStep | 'askOwner' }
  | { readonly next: 'wait'; readonly lookAt: Instant }
  | { readonly next: 'deployKey'; readonly lookAt: Instant; readonly targets: readonly string[] };

/** Extensions until a person has to decide, where the policy says `extend`; else the one to the end of a quiet. */
export const maxExtensions = 3;

/** Times that a key is disabled and missed until a person has to decide. */
export const maxBreakages = 2;

/** Targets that lack the key are tried again at least this often, however far away the next look is. */
const deployEvery: Seconds = 12 * 3600;

/** How long the workflow's own tries at a target may take. */
const deploysFor: Seconds = 2 * 3600;

/**
 * 1. No key is to leave (a first rotation): on to Complete, once every target has the new one.
 * 2. Drained: on to Disable key, where the issuer can do that and a refused call would be seen, else to Revoke key,
 *    once a window of the policy is open; when it opens, the proof is made anew. A key that was missed twice while it
 *    was disabled goes to its owner instead.
 * 3. Waiting: notes the verdict and says when to look again.
 *    Targets that lack the key are tried again meanwhile.
 * 4. Past the deadline: moves it to where the last quiet ends if only quiet is missing. Else the policy says: the
 *    owner is asked, and reminded daily; or it is extended by grace.max, three times, before he is; or the key goes
 *    as if it were drained, since its owner has decided so in keyturn.yaml.
 *
 * Run twice, it looks twice; the second look after a verdict only repeats where to go, and an owner who was asked
 * today is not asked again.
 */
export async function checkDrain(ports: DrainPorts, ref: RotationRef): Promise<DrainStep> {
  return takeTurn(ports, 'checkDrain', ref, async (turn) => {
    const facts = graceFacts(turn.rotation);
    if (turn.rotation.phase !== 'grace' || !facts) return { next: nextStep(turn.rotation) };
    if (isDeclaredAgain(turn)) {
      await cancelRetirement(ports, turn);
      return { next: nextStep(turn.rotation) };
    }
    const look = await lookOf(ports, turn, facts);
    return look ? decide(ports, ref, look) : skip(ports, ref, turn);
  });
}

/** What one look has brought. */
interface Look {
  readonly turn: Turn;
  readonly facts: GraceFacts;
  readonly leaving: Key;
  readonly issuer: Issuer;
  readonly question: DrainQuestion;
  readonly verdict: DrainVerdict;
}

/** @returns undefined when there is no key to leave. */
async function lookOf(ports: DrainPorts, turn: Turn, facts: GraceFacts): Promise<Look | undefined> {
  const leaving = leavingKey(turn);
  if (!leaving) return undefined;
  const issuer = await ports.issuers.connect(leaving.issuer);
  // Before anybody is asked: silence reaches no further than the question.
  const now = ports.clock.now();
  const witness = await issuerWitness(issuer, leaving);
  const presence = await ports.usage.presence(turn.credential.id);
  const question = drainQuestion(turn, { now, presence, issuer: witness });
  return question && { turn, facts, leaving, issuer, question, verdict: drainVerdict(question) };
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

async function decide(ports: DrainPorts, ref: RotationRef, look: Look): Promise<DrainStep> {
  const { turn, question, verdict, facts } = look;
  const opens = mayChangeAt(turn.credential, question.now);
  const ends = verdict.outcome === 'drained' && opens <= question.now;
  if (ends && isTrialSpent(facts)) {
    const why = missed(verdict, facts);
    // Its owner has said how long.
    const isExtended = facts.decision?.choice === 'extend' && facts.deadline > question.now;
    return isExtended ? wait(ports, ref, look, why, facts.deadline) : ask(ports, ref, look, why);
  }
  if (ends) return end(ports, look);
  if (verdict.outcome !== 'overdue') {
    const waiting = verdict.outcome === 'drained' ? shutOut(verdict, opens) : verdict;
    const lookAt = verdict.outcome === 'drained' ? opens : nextLook(question, verdict.lastOldUse);
    return wait(ports, ref, look, waiting, lookAt);
  }
  return pastDeadline(ports, ref, look, verdict);
}

/** The proof is complete. */
async function end(ports: DrainPorts, look: Look): Promise<DrainStep> {
  const { turn, question, verdict, issuer, facts, leaving } = look;
  const at = question.now;
  const disables = mayTry(issuer, question);
  await turn.record({ name: 'drained', at, verdict, key: idsOf(leaving), disables });
  ports.metrics.gauge('DrainSeconds', secondsBetween(facts.promotedAt, at));
  return { next: nextStep(turn.rotation) };
}

/** Whether the key can be disabled for a trial, and somebody would tell who misses it. */
const mayTry = ({ capabilities }: Issuer, { declared }: DrainQuestion): boolean =>
  capabilities.disable && canSeeBreakage({ declared, reportsDenied: capabilities.reportsDenied });

const isTrialSpent = ({ breakages }: GraceFacts): boolean => breakages >= maxBreakages;

type Overdue = Extract<DrainVerdict, { outcome: 'overdue' }>;

async function pastDeadline(
  ports: DrainPorts,
  ref: RotationRef,
  look: Look,
  verdict: Overdue,
): Promise<DrainStep> {
  const { turn, question, facts } = look;
  const { atDeadline, grace } = turn.credential.declaration.policy;
  const isSpent = facts.extensions >= (atDeadline === 'extend' ? maxExtensions : 1);
  if (verdict.quietAt && !isSpent) {
    const bySeconds = secondsBetween(question.deadline, verdict.quietAt);
    return extend(ports, ref, look, { verdict, bySeconds, lookAt: verdict.quietAt });
  }
  if (atDeadline === 'extend' && !isSpent) {
    const bySeconds = Math.max(0, secondsBetween(question.deadline, question.now)) + grace.max;
    return extend(ports, ref, look, { verdict, bySeconds, lookAt: null });
  }
  if (atDeadline === 'revoke' && !isTrialSpent(facts)) return revokeByPolicy(ports, ref, look, verdict);
  return ask(ports, ref, look, verdict);
}

async function extend(
  ports: DrainPorts,
  ref: RotationRef,
  look: Look,
  {
    verdict,
    bySeconds,
    lookAt,
  }: { readonly verdict: Overdue; readonly bySeconds: Seconds; readonly lookAt: Instant | null },
): Promise<DrainStep> {
  const { turn, question } = look;
  await turn.record({ name: 'graceExtended', bySeconds });
  const deadline = plus(question.deadline, bySeconds);
  return wait(ports, ref, look, verdict, lookAt ?? nextLook({ ...question, deadline }, null));
}

/** keyturn.yaml says `atDeadline: revoke`; a window holds that back as it would a drained key. */
async function revokeByPolicy(
  ports: DrainPorts,
  ref: RotationRef,
  look: Look,
  verdict: Overdue,
): Promise<DrainStep> {
  const { turn, question, issuer, facts, leaving } = look;
  const { now } = question;
  const opens = mayChangeAt(turn.credential, now);
  if (opens > now) return wait(ports, ref, look, shutOut(verdict, opens), opens);
  const decision = { choice: 'revoke', question: facts.questions, by: 'policy', at: now } as const;
  const disables = mayTry(issuer, question);
  await turn.record({ name: 'decided', decision, key: idsOf(leaving), disables });
  return { next: nextStep(turn.rotation) };
}

async function wait(
  ports: DrainPorts,
  ref: RotationRef,
  { turn, facts, question: { targetsBehind: targets, now } }: Look,
  verdict: DrainVerdict,
  wanted: Instant,
): Promise<DrainStep> {
  const isBehind = targets.length > 0;
  const lookAt = isBehind ? earliest(wanted, plus(now, deployEvery)) : wanted;
  await ports.ledger.note(ref, {
    checks: facts.checks + 1,
    verdict,
    expectedBy: plus(lookAt, expectedWithin(turn.credential) + (isBehind ? deploysFor : 0)),
  });
  return isBehind ? { next: 'deployKey', lookAt, targets } : { next: 'wait', lookAt };
}

/** Puts the question, or puts it again after a day. While a target lacks the key, the owner waits beside the tries at it. */
async function ask(
  ports: DrainPorts,
  ref: RotationRef,
  look: Look,
  verdict: DrainVerdict,
): Promise<DrainStep> {
  const { turn, facts, question } = look;
  const { now } = question;
  const asked = facts.question && plus(facts.question.remindedAt, remindEvery);
  if (!asked || asked <= now) await put(ports, look, verdict);
  const remindsAt = asked && asked > now ? asked : plus(now, remindEvery);
  if (question.targetsBehind.length > 0) return wait(ports, ref, look, verdict, remindsAt);
  const checks = facts.checks + 1;
  const handsOver = checks % looksOfOneRun === 0;
  const wakes = handsOver ? 0 : answerWithin + expectedWithin(turn.credential);
  await ports.ledger.note(ref, { checks, verdict, expectedBy: plus(now, wakes) });
  return { next: handsOver ? 'end' : 'askOwner' };
}

async function put(
  ports: DrainPorts,
  { turn, facts, question: { now } }: Look,
  verdict: DrainVerdict,
): Promise<void> {
  ports.metrics.count('RotationOverdue', { credential: turn.credential.id });
  const { owner } = turn.credential.declaration;
  const { reason, heldBy } = verdict;
  const question = facts.question?.number ?? facts.questions + 1;
  const detail = { question, reason, heldBy, deadline: facts.deadline, owner };
  await turn.record(
    { name: 'decisionNeeded', at: now, verdict },
    { announce: { type: 'Decision Needed', detail }, sleeps: answerWithin },
  );
}

/**
 * An execution holds 25,000 events, and each look and wait makes about 13: after six weeks of hours it ends, and the
 * sweep starts the next run.
 */
const looksOfOneRun = 1000;

/** Nothing but the window is missing, which is no reason to ask anybody. */
const shutOut = (verdict: DrainVerdict, opens: Instant): DrainVerdict => ({
  ...verdict,
  outcome: 'waiting',
  lastOldUse: null,
  reason: `${verdict.reason}; its window opens at ${opens}`,
});

/** Silent again, as it was before it was disabled and missed. */
const missed = (verdict: DrainVerdict, { breakages, brokenBy }: GraceFacts): DrainVerdict => ({
  ...verdict,
  outcome: 'overdue',
  quietAt: null,
  heldBy: brokenBy,
  reason: `${verdict.reason}; but ${breakages} times it was disabled and had to be enabled again, ${brokenBy.length > 0 ? `the last time since it was missed by ${brokenBy.join(', ')}` : 'the last time since nobody could be heard'}`,
});
