/** Check breakage: sees whether anybody missed the disabled key. */
import { type Breakage, type BreakageQuestion, breakage, breakageLook } from '../usage/breakage.ts';
import { type Instant, plus, type Seconds } from '../usage/instant.ts';
import { isDeclaredAgain, spare } from './cancel-retirement.ts';
import { deniedLag, observeOf } from './disable-key.ts';
import { isIssuers } from './drain-question.ts';
import type { Key } from './key.ts';
import type { Issuer, Ports, RotationRef } from './ports.ts';
import { trialSince } from './proof-age.ts';
import { graceFacts, type NextStep, nextStep } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { idsOf, leavingKey } from './turn-state.ts';

type BreakagePorts = TurnPorts & Pick<Ports, 'issuers' | 'usage' | 'metrics'>;

/**
 * 1. Somebody used it, or was refused with it: it is to be enabled, and who it was is written down.
 * 2. Nobody did, and the silence can be believed: it is condemned.
 * 3. It cannot be told yet: Disable key, which stands on the way round, says when to look again. An hour after the first
 *    look it is enabled all the same: somebody may miss it unheard.
 *
 * Run twice, the second finds the rotation gone on and repeats where to.
 */
export async function checkBreakage(
  ports: BreakagePorts,
  ref: RotationRef,
): Promise<{ readonly next: NextStep }> {
  return takeTurn(ports, 'checkBreakage', ref, async (turn) => {
    const key = leavingKey(turn);
    if (turn.rotation.phase === 'observing' && key) {
      if (isDeclaredAgain(turn)) await spare(ports, turn);
      else await judge(ports, turn, key, await found(ports, turn, key));
    }
    return { next: nextStep(turn.rotation) };
  });
}

/** How long a key stays disabled after the first look while nobody can be heard who might miss it. */
const unheardFor: Seconds = 3600;

async function judge(ports: BreakagePorts, turn: Turn, key: Key, seen: Breakage): Promise<void> {
  if (seen.outcome === 'broken') await recordBreakage(ports, turn, seen.by);
  if (seen.outcome === 'quiet') await turn.record({ name: 'nothingBroken', key: idsOf(key) });
  if (seen.outcome === 'unheard' && (await endOfPatience(ports, turn, key)) <= ports.clock.now())
    await turn.record({ name: 'keySpared', unheard: true });
}

/** Told at once: the key must work again, and somebody has to move. */
export async function recordBreakage(
  { metrics }: Pick<Ports, 'metrics'>,
  turn: Turn,
  by: readonly string[],
): Promise<void> {
  await turn.record({ name: 'breakageSeen', by });
  metrics.count('KeyMissed', { credential: turn.credential.id });
}

async function endOfPatience(
  { issuers }: BreakagePorts,
  { rotation, credential }: Turn,
  key: Key,
): Promise<Instant> {
  const { policy, reportEvery } = credential.declaration;
  const disabledAt = graceFacts(rotation)?.disabledAt ?? rotation.startedAt;
  const { capabilities } = await issuers.connect(key.issuer);
  const lag = deniedLag(capabilities);
  const look = { now: disabledAt, disabledAt, observe: observeOf(policy), reportEvery, lag };
  return plus(breakageLook(look), unheardFor);
}

async function found(ports: BreakagePorts, turn: Turn, key: Key): Promise<Breakage> {
  const { credential, rotation } = turn;
  const { policy, reportEvery, consumers } = credential.declaration;
  // Before anybody is asked: silence reaches no further than the question.
  const now = ports.clock.now();
  const issuer = await issuerSays(await ports.issuers.connect(key.issuer), key);
  const presence = await ports.usage.presence(credential.id);
  return breakage({
    now,
    disabledAt: graceFacts(rotation)?.disabledAt ?? now,
    since: trialSince(rotation),
    observe: observeOf(policy),
    reportEvery,
    leaving: { versionId: key.versionId, generation: key.generation },
    declared: consumers,
    presence,
    issuer,
  });
}

async function issuerSays(issuer: Issuer, { issuer: name, keyId }: Key): Promise<BreakageQuestion['issuer']> {
  const { lastUsedLag: lag, reportsDenied } = issuer.capabilities;
  if (lag === null) return null;
  try {
    return { name, lag, reportsDenied, ...(await issuer.lastUse(keyId)) };
  } catch (error) {
    if (!isIssuers(error)) throw error;
    return { name, failure: error.message };
  }
}
