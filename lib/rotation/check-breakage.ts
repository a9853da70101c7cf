/** Check breakage: sees whether anybody missed the disabled key. */
import { type Breakage, type BreakageQuestion, breakage } from '../usage/breakage.ts';
import { type Instant, plus, type Seconds } from '../usage/instant.ts';
import { isDeclaredAgain, spare } from './cancel-retirement.ts';
import { observeOf } from './disable-key.ts';
import { isIssuers } from './drain-question.ts';
import type { Key } from './key.ts';
import type { Issuer, Ports, RotationRef } from './ports.ts';
import { graceFacts, type NextStep, nextStep } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { leavingKey } from './turn-state.ts';

type BreakagePorts = TurnPorts & Pick<Ports, 'issuers' | 'usage'>;

/**
 * 1. Somebody used it, or was refused with it: it is to be enabled, and who it was is written down.
 * 2. Nobody did, and the silence can be believed: it is condemned.
 * 3. It cannot be told yet: Disable key, which stands on the way round, says when to look again. After an hour of that
 *    it is enabled all the same: somebody may miss it unheard.
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
      else await judge(turn, key, await found(ports, turn, key), ports.clock.now());
    }
    return { next: nextStep(turn.rotation) };
  });
}

/** How long a key stays disabled beyond its time while nobody can be heard who might miss it. */
const unheardFor: Seconds = 3600;

async function judge(
  turn: Turn,
  { generation, attempt, keyId }: Key,
  seen: Breakage,
  now: Instant,
): Promise<void> {
  if (seen.outcome === 'broken') await turn.record({ name: 'breakageSeen', by: seen.by });
  if (seen.outcome === 'quiet')
    await turn.record({ name: 'nothingBroken', key: { generation, attempt, keyId } });
  if (seen.outcome === 'unheard' && endOfPatience(turn) <= now) await turn.record({ name: 'keySpared' });
}

function endOfPatience({ rotation, credential }: Turn): Instant {
  const disabledAt = graceFacts(rotation)?.disabledAt ?? rotation.startedAt;
  return plus(disabledAt, observeOf(credential.declaration.policy) + unheardFor);
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
