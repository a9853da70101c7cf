/** What a credential's next rotation is for: it follows from the credential alone, so that nobody need say it. */
import type { Credential } from './credential.ts';
import type { Key } from './key.ts';
import type { RotationKind } from './rotation.ts';

export function kindOf(
  { removedAt, declaration: { adopt, issuer }, currentGeneration }: Credential,
  keys: readonly Key[],
): RotationKind {
  if (removedAt) return 'retire';
  const hadIt = keys.some((key) => key.issuer === issuer && key.keyId === adopt?.keyId);
  return adopt && currentGeneration === 0 && !hadIt ? 'adopt' : 'rotate';
}
