/** One invocation's turn at a rotation: checked, leased, and the only place where audited changes are made. */
import { plus, type Seconds } from '../usage/instant.ts';
import { type AuditRecord, chain } from './audit.ts';
import type { Credential } from './credential.ts';
import { Fenced, ImpossibleTransition, Superseded } from './errors.ts';
import type { Key } from './key.ts';
import type { Ports, RotationRef } from './ports.ts';
import {
  type Announcement,
  advance,
  type OutgoingEvent,
  type Rotation,
  type RotationEvent,
} from './rotation.ts';

export type TurnPorts = Pick<Ports, 'ledger' | 'events' | 'clock' | 'digests' | 'invocation'>;

/** Seconds after its next wake in which an execution may still be on its way. */
export const expectedWithin: Seconds = 15 * 60;

/** What may be changed along with an event, in the same transaction. */
export interface Alongside {
  readonly credential?: Partial<Credential>;
  readonly keys?: readonly Key[];
  /** What the bus is told, once it is written. */
  readonly announce?: {
    readonly type: OutgoingEvent;
    readonly detail?: Readonly<Record<string, unknown>>;
  };
  /** Seconds until the execution wakes next, when it is going to sleep. */
  readonly sleeps?: Seconds;
}

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
export async function takeTurn<T>(
  ports: TurnPorts,
  step: string,
  ref: RotationRef,
  work: (turn: Turn) => Promise<T>,
): Promise<T> {
  const { ledger, clock, invocation } = ports;
  await ledger.takeLease(ref, { requestId: invocation.requestId, until: leaseEnd(ports) }, clock.now());
  try {
    const state = await sent(ports, await readState(ports, ref));
    const turn = turnOn(ports, `step ${step}`, state);
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

/** What a turn knows: the rows as this invocation has read or written them. */
export interface TurnState {
  readonly credential: Credential;
  readonly rotation: Rotation;
  readonly keys: readonly Key[];
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
      state = await recordChange(ports, actor, state, event, alongside);
    },
  };
}

/** Advances the rotation and commits it with its audit record. @returns the rows as they are now. */
export async function recordChange(
  ports: Pick<TurnPorts, 'ledger' | 'clock' | 'digests'>,
  actor: string,
  from: TurnState,
  event: RotationEvent,
  alongside: Alongside,
): Promise<TurnState> {
  const now = ports.clock.now();
  const advanced = advance(from.rotation, event);
  const changed = { ...from.credential, ...alongside.credential };
  const audit = chain(ports.digests, from.credential.auditHash, {
    credentialId: from.credential.id,
    seq: from.credential.auditSeq + 1,
    at: now,
    actor,
    what: event.name,
    rotationId: from.rotation.rotationId,
    before: { ...difference(from.rotation, advanced), ...difference(from.credential, changed) },
    after: {
      ...difference(advanced, from.rotation),
      ...difference(changed, from.credential),
      ...(alongside.keys && { keys: alongside.keys.map(keyFacts) }),
    },
  });
  const rotation: Rotation = {
    ...advanced,
    expectedBy: plus(now, (alongside.sleeps ?? 0) + expectedWithin),
    outbox: [...advanced.outbox, ...announcements(advanced, audit, alongside)],
  };
  const credential = { ...changed, auditSeq: audit.seq, auditHash: audit.hash };
  const { auditSeq, epoch } = from.credential;
  const { keys = [] } = alongside;
  await ports.ledger.commit({
    expected: { auditSeq, epoch, run: from.rotation.run },
    credential,
    rotation,
    keys,
    audit,
  });
  return { credential, rotation, keys: merged(from.keys, keys) };
}

/** One announcement per audit record at most: readers know an event by the record's number. */
function announcements(
  { rotationId, generation }: Rotation,
  { seq, hash, at }: AuditRecord,
  { announce }: Alongside,
): readonly Announcement[] {
  if (!announce) return [];
  return [{ seq, hash, at, type: announce.type, detail: { rotationId, generation, ...announce.detail } }];
}

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

/** The fields of `one` that differ in `other`. */
function difference(one: object, other: object): Readonly<Record<string, unknown>> {
  const others: Readonly<Record<string, unknown>> = { ...other };
  return Object.fromEntries(
    Object.entries(one).filter(
      ([name, value]) => name !== 'lease' && JSON.stringify(value) !== JSON.stringify(others[name]),
    ),
  );
}

const keyFacts = ({ generation, attempt, keyId, versionId, status }: Key) => ({
  generation,
  attempt,
  keyId,
  versionId,
  status,
});

const sameKey = (a: Key, b: Key): boolean => a.generation === b.generation && a.attempt === b.attempt;

const merged = (keys: readonly Key[], changed: readonly Key[]): readonly Key[] =>
  [...keys.filter((key) => !changed.some((other) => sameKey(key, other))), ...changed].sort(
    (a, b) => a.generation - b.generation || a.attempt - b.attempt,
  );

/**
 * The key that this rotation has made.
 * @throws ImpossibleTransition before one is stored.
 */
export function newKey({ keys, rotation }: TurnState): Key {
  const key = keys.find(
    (each) => each.generation === rotation.generation && each.attempt === rotation.attempt,
  );
  if (!key) throw new ImpossibleTransition(`rotation ${rotation.rotationId} has no new key in the ledger`);
  return key;
}

/** The live key of the generation before, if there is one. */
export const oldKey = ({ keys, rotation }: TurnState): Key | undefined =>
  keys.findLast(
    (key) =>
      key.generation === rotation.oldGeneration &&
      (key.status === 'current' || key.status === 'superseded' || key.status === 'revoked'),
  );

/** The row of the key that this rotation is revoking. */
export const condemnedKey = ({ keys, rotation: { condemned } }: TurnState): Key | undefined =>
  keys.find((key) => key.generation === condemned?.generation && key.attempt === condemned.attempt);
