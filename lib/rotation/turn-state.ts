/** The rows that a step works on, and which key is which among them. */
import type { Credential } from './credential.ts';
import { ImpossibleTransition } from './errors.ts';
import { versionIdOf } from './ids.ts';
import type { Key, KeyStatus } from './key.ts';
import type { Ports } from './ports.ts';
import { type CondemnedKey, graceFacts, type Rotation } from './rotation.ts';

/** What a turn knows: the rows as this invocation has read or written them. */
export interface TurnState {
  readonly credential: Credential;
  readonly rotation: Rotation;
  readonly keys: readonly Key[];
}

/** The row of a key that this rotation has made, or whose making it lost sight of. */
export function keyOfAttempt(
  { clock, digests }: Pick<Ports, 'clock' | 'digests'>,
  { credential, rotation }: TurnState,
  attempt: number,
  facts: Pick<Key, 'keyId' | 'fingerprint' | 'expiresAt' | 'status'>,
): Key {
  const { rotationId, generation } = rotation;
  return {
    credentialId: credential.id,
    generation,
    attempt,
    rotationId,
    issuer: credential.declaration.issuer,
    versionId: versionIdOf(digests, rotationId, attempt),
    mintedAt: clock.now(),
    lastProbedAt: null,
    revokedAt: null,
    proof: null,
    ...facts,
  };
}

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
  keys.findLast(({ generation, status }) => generation === rotation.oldGeneration && hasServed.has(status));

const hasServed: ReadonlySet<KeyStatus> = new Set(['current', 'superseded', 'disabled', 'revoked']);

const rollsBack = ({ rotation }: TurnState): boolean => graceFacts(rotation)?.leaving === 'new';

/** The key that is to end, if there is one: the old one, after a roll back the new one. */
export const leavingKey = (state: TurnState): Key | undefined =>
  rollsBack(state) ? newKey(state) : oldKey(state);

/**
 * The key that consumers are to use, and that targets get: the new one, after a roll back the old one.
 * @throws ImpossibleTransition when there is none.
 */
export function stayingKey(state: TurnState): Key {
  const key = rollsBack(state) ? oldKey(state) : newKey(state);
  if (!key) throw new ImpossibleTransition(`rotation ${state.rotation.rotationId} has no key to stay with`);
  return key;
}

/** How an event names a key. */
export const idsOf = ({ generation, attempt, keyId }: Key): CondemnedKey => ({ generation, attempt, keyId });

/** The row of the key that this rotation is revoking. */
export const condemnedKey = ({ keys, rotation: { condemned } }: TurnState): Key | undefined =>
  keys.find((key) => key.generation === condemned?.generation && key.attempt === condemned.attempt);
