/** Enable key: gives a disabled key back to those who still need it. */
import { plus } from '../usage/instant.ts';
import { isDeclaredAgain } from './cancel-retirement.ts';
import type { Ports, RotationRef } from './ports.ts';
import { graceFacts, type NextStep, nextStep } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { leavingKey } from './turn-state.ts';

type EnablePorts = TurnPorts & Pick<Ports, 'issuers'>;

/**
 * Enables the key at the issuer, returns to the grace for at least its minimum, and tells the owner who broke.
 *
 * Run twice, it enables twice, which issuers take without harm, and tells once.
 *
 * @throws IssuerRejected, IssuerUnavailable: the workflow asks again for 30 days.
 */
export async function enableKey(ports: EnablePorts, ref: RotationRef): Promise<{ readonly next: NextStep }> {
  return takeTurn(ports, 'enableKey', ref, async (turn) => {
    if (turn.rotation.phase === 'enabling') await enable(ports, turn);
    return { next: nextStep(turn.rotation) };
  });
}

async function enable(ports: EnablePorts, turn: Turn): Promise<void> {
  const { credential, rotation } = turn;
  const key = leavingKey(turn);
  if (!key) return;
  const issuer = await ports.issuers.connect(key.issuer);
  await issuer.enable(key.keyId);
  const { policy, owner } = credential.declaration;
  const reason = why(turn);
  const status = rotation.kind === 'retire' ? 'current' : 'superseded';
  await turn.record(
    { name: 'keyEnabled', deadline: plus(ports.clock.now(), policy.grace.min) },
    {
      keys: [{ ...key, status }],
      announce: { type: 'Key Enabled', detail: { keyId: key.keyId, ...reason, owner } },
    },
  );
}

function why(turn: Turn): { readonly reason: string; readonly brokenBy: readonly string[] } {
  const facts = graceFacts(turn.rotation);
  const { brokenBy = [], decision = null, disabledAt = null } = facts ?? {};
  if (brokenBy.length > 0)
    return { reason: `it was missed by ${brokenBy.join(', ')} while it was disabled`, brokenBy };
  if (isDeclaredAgain(turn)) return { reason: 'the credential is declared again', brokenBy };
  if (decision?.choice === 'extend' && decision.at >= (disabledAt ?? decision.at))
    return { reason: `${decision.by} has given it more time`, brokenBy };
  return { reason: 'nobody was heard of who could have missed it', brokenBy };
}
