/** One audited change of a rotation: the rows, the audit record and what the bus is to hear, in one transaction. */
import { plus, type Seconds } from '../usage/instant.ts';
import { advance } from './advance.ts';
import { type AuditRecord, chain } from './audit.ts';
import type { Credential } from './credential.ts';
import type { Key } from './key.ts';
import type { Ports } from './ports.ts';
import type { Announcement, OutgoingEvent, Rotation, RotationEvent } from './rotation.ts';
import type { TurnState } from './turn-state.ts';

/** Seconds after its next wake in which an execution may still be on its way. */
export const expectedWithin = ({ declaration }: Credential): Seconds =>
  declaration.mode === 'demo' ? 15 : 15 * 60;

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

/** Advances the rotation and commits it with its audit record. @returns the rows as they are now. */
export async function recordChange(
  ports: Pick<Ports, 'ledger' | 'clock' | 'digests'>,
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
    // Whatever is written but a takeover is progress.
    resumes: event.name === 'takenOver' ? advanced.resumes : 0,
    expectedBy: plus(now, (alongside.sleeps ?? 0) + expectedWithin(changed)),
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
