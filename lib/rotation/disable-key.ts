/** Disable key: takes the leaving key out of use for a trial, before anything is done that cannot be undone. */
import { breakageLook } from '../usage/breakage.ts';
import { type Instant, plus, type Seconds } from '../usage/instant.ts';
import { isDeclaredAgain, spare } from './cancel-retirement.ts';
import type { Policy } from './credential.ts';
import { IssuerRejected } from './errors.ts';
import type { Capabilities, Issuer, Ports, RotationRef } from './ports.ts';
import { isProofOld } from './proof-age.ts';
import { expectedWithin } from './record-change.ts';
import { graceFacts, isOnTrial } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { idsOf, leavingKey } from './turn-state.ts';

type DisablePorts = TurnPorts & Pick<Ports, 'issuers'>;

/** Half an hour: what a service that calls once in a while needs to show itself. */
const defaultObserve: Seconds = 1800;

export const observeOf = ({ observe = defaultObserve }: Policy): Seconds => observe;

/**
 * Disables the key at the issuer and says when to look at what has broken. Where it is disabled already it only says
 * that, so that a new run, and a look that could not tell, come here. Where the issuer refuses for good, the drained
 * key goes without a trial; where the proof has grown old before it could be asked, it is made anew.
 *
 * Run twice, it disables twice, which issuers take without harm.
 *
 * @throws IssuerUnavailable: the workflow asks again for 30 days; the key lives on meanwhile.
 */
export async function disableKey(
  ports: DisablePorts,
  ref: RotationRef,
): Promise<{ readonly lookAt: Instant }> {
  return takeTurn(ports, 'disableKey', ref, async (turn) => {
    // What comes next looks for itself whether it is its turn.
    if (!isOnTrial(turn.rotation)) return { lookAt: ports.clock.now() };
    const issuer = await ports.issuers.connect(turn.credential.declaration.issuer);
    if (turn.rotation.phase === 'disabling') {
      if (isDeclaredAgain(turn)) await spare(ports, turn);
      else if (isProofOld(ports, turn.rotation)) await turn.record({ name: 'keySpared' });
      else await disable(ports, turn, issuer);
    }
    const now = ports.clock.now();
    const { disabledAt } = graceFacts(turn.rotation) ?? {};
    if (turn.rotation.phase !== 'observing' || !disabledAt) return { lookAt: now };
    const { policy, reportEvery } = turn.credential.declaration;
    const lag = deniedLag(issuer.capabilities);
    const lookAt = breakageLook({ now, disabledAt, observe: observeOf(policy), reportEvery, lag });
    await ports.ledger.note(ref, { expectedBy: plus(lookAt, expectedWithin(turn.credential)) });
    return { lookAt };
  });
}

async function disable({ clock }: DisablePorts, turn: Turn, issuer: Issuer): Promise<void> {
  const key = leavingKey(turn);
  if (!key) return;
  // Before the call, so that nobody is missed who was refused before it has come back.
  const at = clock.now();
  const refusal = await refusalOf(issuer.disable(key.keyId));
  if (refusal) return turn.record({ name: 'trialSkipped', reason: refusal.message, key: idsOf(key) });
  await turn.record(
    { name: 'keyDisabled', at },
    { keys: [{ ...key, status: 'disabled' }], sleeps: observeOf(turn.credential.declaration.policy) },
  );
}

/** What has drained may go without a trial, as it does where the issuer says beforehand that it cannot disable. */
async function refusalOf(call: Promise<void>): Promise<IssuerRejected | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof IssuerRejected) return error;
    throw error;
  }
}

/** How late a refused call shows at the issuer; 0 where it does not. */
export const deniedLag = ({ reportsDenied, lastUsedLag }: Capabilities): Seconds =>
  reportsDenied ? (lastUsedLag ?? 0) : 0;
