/** One invocation's turn at a rotation: leased, checked, and with everything told that was written. */
import { plus } from '../usage/instant.ts';
import { unlessChanged } from './change-credential.ts';
import { Fenced, LedgerChanged, Superseded } from './errors.ts';
import type { Ports, RotationRef } from './ports.ts';
import { type Alongside, recordChange } from './record-change.ts';
import type { RotationEvent } from './rotation.ts';
import type { TurnState } from './turn-state.ts';

export type TurnPorts = Pick<Ports, 'ledger' | 'events' | 'clock' | 'digests' | 'invocation'>;

export interface Turn extends TurnState {
  /** Advances the rotation and writes everything that goes with it, or throws and has written nothing. */
  record(event: RotationEvent, alongside?: Alongside): Promise<void>;
}

/**
 * Runs one step's work under the rotation's lease.
 *
 * Run twice at once, the second finds the lease and throws `StepBusy`; run again after a death, it waits for the
 * dead one's lease to run out; run by a stale execution, it throws `Superseded` or `Fenced` and does nothing.
 * Events that an earlier run has written but not sent go out first; the turn ends only when its own are
 * acknowledged.
 */
export function takeTurn<T>(
  ports: TurnPorts,
  step: string,
  ref: RotationRef,
  work: (turn: Turn) => Promise<T>,
): Promise<T> {
  return takeTurnAs(ports, `step ${step}`, ref, work);
}

/** The same for who is no step: `actor` stands in the audit trail. */
export async function takeTurnAs<T>(
  ports: TurnPorts,
  actor: string,
  ref: RotationRef,
  work: (turn: Turn) => Promise<T>,
): Promise<T> {
  const { ledger, clock, invocation } = ports;
  await ledger.takeLease(ref, { requestId: invocation.requestId, until: leaseEnd(ports) }, clock.now());
  try {
    const state = await sent(ports, await readState(ports, ref));
    const turn = turnOn(ports, actor, state);
    try {
      return await work(turn);
    } finally {
      // What was written is told even if the work then fails: after some failures no run comes back.
      await sent(ports, turn);
    }
  } finally {
    await ledger.dropLease(ref, invocation.requestId);
  }
}

/** The platform kills us at the deadline; a few seconds more cover what is still on the wire. */
const leaseEnd = (ports: TurnPorts): string => plus(ports.invocation.deadline, 5);

async function readState(ports: TurnPorts, ref: RotationRef): Promise<TurnState> {
  const view = await ports.ledger.load(ref.credentialId, ref.rotationId);
  if (!view?.rotation) {
    throw new Superseded(`rotation ${ref.rotationId} of ${ref.credentialId} is not in the ledger`);
  }
  const { credential, rotation, keys } = view;
  if (rotation.run !== ref.run) {
    throw new Superseded(
      `run ${ref.run} of rotation ${ref.rotationId} was taken over by run ${rotation.run}`,
    );
  }
  if (rotation.epoch !== credential.epoch) {
    throw new Fenced(
      `${credential.id} is at epoch ${credential.epoch}, rotation ${ref.rotationId} was made at ${rotation.epoch}`,
    );
  }
  return { credential, rotation, keys };
}

function turnOn(ports: TurnPorts, actor: string, opened: TurnState): Turn {
  let state = opened;
  return {
    get credential() {
      return state.credential;
    },
    get rotation() {
      return state.rotation;
    },
    get keys() {
      return state.keys;
    },
    record: async (event, alongside = {}) => {
      state = await unlessChanged(ports, async (isAgain) => {
        if (isAgain && alongside.credential) throw changedMeanwhile(state);
        const from = isAgain ? await readAgain(ports, state) : state;
        return recordChange(ports, actor, from, event, alongside);
      });
    },
  };
}

/**
 * A pause or a deploy has changed the credential's row while the step was at work: what the step has learned at the
 * issuer is too dear to be lost for that. The rotation is ours as long as the lease is, so only the credential is read.
 */
async function readAgain(ports: TurnPorts, { rotation, keys }: TurnState): Promise<TurnState> {
  const { credential } = await readState(ports, rotation);
  return { credential, rotation, keys };
}

/** What goes along was made from the credential as it was: the step itself must look again. */
const changedMeanwhile = ({ credential }: TurnState): LedgerChanged =>
  new LedgerChanged(
    `credential ${credential.id} was changed while a step was at work on it: the step runs again`,
  );

/**
 * Sends what the row still owes to the bus, and strikes it.
 * A crash before the strike sends it again under the same number, by which readers know it.
 */
export async function sent(
  { events, ledger }: Pick<TurnPorts, 'events' | 'ledger'>,
  state: TurnState,
): Promise<TurnState> {
  const { rotation } = state;
  const newest = rotation.outbox.at(-1);
  if (!newest) return state;
  await events.put(rotation.outbox.map((each) => ({ ...each, credentialId: rotation.credentialId })));
  await ledger.announced(rotation, newest.seq);
  return { ...state, rotation: { ...rotation, outbox: [] } };
}
