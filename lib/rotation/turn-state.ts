/** The rows that a step works on, and which key is which among them. */
import type { Credential } from './credential.ts';
import { ImpossibleTransition } from './errors.ts';
import { versionIdOf } from './ids.ts';
import type { Key } from './key.ts';
import type { Ports } from './ports.ts';
import type { Rotation } from './rotation.ts';

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
  keys.findLast(
    (key) =>
      key.generation === rotation.oldGeneration &&
      (key.status === 'current' || key.status === 'superseded' || key.status === 'revoked'),
  );

/** The row of the key that this rotation is revoking. */
export const condemnedKey = ({ keys, rotation: { condemned } }: TurnState): Key | undefined =>
  keys.find((key) => key.generation === condemned?.generation && key.attempt === condemned.attempt);
