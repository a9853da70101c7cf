/** Where AWSCURRENT is, and whether it is where keyturn left it. */
import { SecretChangedOutside } from './errors.ts';
import { placeholderIdOf } from './ids.ts';
import type { Ports } from './ports.ts';
import type { TurnState } from './turn-state.ts';

type CurrentPorts = Pick<Ports, 'secrets' | 'digests'>;

/**
 * Where keyturn left AWSCURRENT: on the current key's version. A credential without a key has a placeholder, or, once
 * retired, its dead key's version, unless somebody has deleted that and keyturn has begun anew.
 */
export function expectedCurrent(
  { digests }: Pick<CurrentPorts, 'digests'>,
  { credential }: TurnState,
): readonly string[] {
  const { currentGeneration, currentVersionId } = credential;
  const placeholder = placeholderIdOf(digests, credential);
  if (currentVersionId === null) return [placeholder];
  return currentGeneration > 0 ? [currentVersionId] : [currentVersionId, placeholder];
}

/** Version id that AWSCURRENT is on. */
export const currentVersion = async (
  { secrets }: Pick<CurrentPorts, 'secrets'>,
  name: string,
): Promise<string | undefined> => currentOf((await secrets.versions(name)) ?? new Map());

export const currentOf = (versions: ReadonlyMap<string, readonly string[]>): string | undefined =>
  [...versions].find(([, stages]) => stages.includes('AWSCURRENT'))?.[0];

/** @throws SecretChangedOutside when AWSCURRENT is not where keyturn put it. */
export async function checkCurrent(ports: CurrentPorts, state: TurnState): Promise<void> {
  const { name } = state.credential.declaration.secret;
  const expected = expectedCurrent(ports, state);
  const found = await currentVersion(ports, name);
  if (!found || !expected.includes(found)) throw changedOutside(name, expected, found);
}

export const changedOutside = (
  name: string,
  expected: readonly string[],
  found: string | undefined,
): SecretChangedOutside =>
  new SecretChangedOutside(
    `AWSCURRENT of secret ${name} is on version ${found ?? 'none'}, not on ${expected.join(' or ')}, which keyturn put there: find out who changed it and move it back, or give the credential a secret of its own`,
  );
