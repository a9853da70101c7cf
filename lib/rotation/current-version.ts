/** Where AWSCURRENT is, and whether it is where keyturn left it. */
import { SecretChangedOutside } from './errors.ts';
import { placeholderIdOf } from './ids.ts';
import type { Ports } from './ports.ts';
import type { TurnState } from './turn-state.ts';

type CurrentPorts = Pick<Ports, 'secrets' | 'digests'>;

/** The version that keyturn made current last; the placeholder before the first key. */
export const expectedCurrent = (
  { digests }: Pick<CurrentPorts, 'digests'>,
  { credential }: TurnState,
): string => credential.currentVersionId ?? placeholderIdOf(digests, credential);

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
  if (found !== expected) throw changedOutside(name, expected, found);
}

export const changedOutside = (
  name: string,
  expected: string,
  found: string | undefined,
): SecretChangedOutside =>
  new SecretChangedOutside(
    `AWSCURRENT of secret ${name} is on version ${found ?? 'none'}, not on ${expected}, which keyturn put there: find out who changed it and move it back, or give the credential a secret of its own`,
  );
