/** Disable key: takes the leaving key out of use for a trial, before anything is done that cannot be undone. */
import { breakageLook } from '../usage/breakage.ts';
import { type Instant, plus, type Seconds } from '../usage/instant.ts';
import { isDeclaredAgain, spare } from './cancel-retirement.ts';
import type { Policy } from './credential.ts';
import { IssuerRejected } from './errors.ts';
import type { Capabilities, Ports, RotationRef } from './ports.ts';
import { isProofOld } from './proof-age.ts';
import { expectedWithin } from './record-change.ts';
import { graceFacts } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { leavingKey } from './turn-state.ts';

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
    if (turn.rotation.phase === 'disabling') {
      if (isDeclaredAgain(turn)) await spare(ports, turn);
      else if (isProofOld(ports, turn.rotation)) await turn.record({ name: 'keySpared' });
      else await disable(ports, turn);
    }
    const { disabledAt } = graceFacts(turn.rotation) ?? {};
    // What comes next looks for itself whether it is its turn.
    if (turn.rotation.phase !== 'observing' || !disabledAt) return { lookAt: ports.clock.now() };
    const lookAt = await nextLook(ports, turn, disabledAt);
    await ports.ledger.note(ref, { expectedBy: plus(lookAt, expectedWithin(turn.credential)) });
    return { lookAt };
  });
}

async function disable(ports: DisablePorts, turn: Turn): Promise<void> {
  const key = leavingKey(turn);
  if (!key) return;
  const issuer = await ports.issuers.connect(key.issuer);
  // Before the call, so that nobody is missed who was refused before it has come back.
  const at = ports.clock.now();
  const refusal = await refusalOf(issuer.disable(key.keyId));
  if (refusal) {
    const { generation, attempt, keyId } = key;
    const ids = { generation, attempt, keyId };
    return turn.record({ name: 'trialSkipped', reason: refusal.message, key: ids });
  }
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

async function nextLook(ports: DisablePorts, { credential }: Turn, disabledAt: Instant): Promise<Instant> {
  const { issuer, policy, reportEvery } = credential.declaration;
  const { capabilities } = await ports.issuers.connect(issuer);
  const now = ports.clock.now();
  const observe = observeOf(policy);
  return breakageLook({ now, disabledAt, observe, reportEvery, lag: deniedLag(capabilities) });
}

/** How late a refused call shows at the issuer; 0 where it does not. */
export const deniedLag = ({ reportsDenied, lastUsedLag }: Capabilities): Seconds =>
  reportsDenied ? (lastUsedLag ?? 0) : 0;
