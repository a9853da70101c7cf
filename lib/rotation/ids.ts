/** Every id that keyturn mints follows from the installation's id, so that a second try mints the same one. */
import type { Credential } from './credential.ts';
import type { Digests } from './ports.ts';

type Sha1 = Pick<Digests, 'sha1'>;

export const rotationIdOf = (digests: Sha1, credential: Credential, generation: number): string =>
  uuidV5(digests, credential.installationId, `${credential.id}/${generation}`);

/** The Secrets Manager version id, which is also its ClientRequestToken, of one attempt. */
export const versionIdOf = (digests: Sha1, rotationId: string, attempt: number): string =>
  uuidV5(digests, rotationId, `${attempt}`);

/** The version id of the placeholder that a secret starts with. */
export const placeholderIdOf = (digests: Sha1, credential: Credential): string =>
  uuidV5(digests, credential.installationId, `${credential.id}/0`);

/** The name that a key carries at an issuer which knows names. */
export const labelOf = (rotationId: string, attempt: number): string => `keyturn-${rotationId}-${attempt}`;

export const executionNameOf = (rotationId: string, run: number): string => `${rotationId}-${run}`;

/** The stage that keeps Secrets Manager from dropping a version until its key is proven dead. */
export const stageOf = (generation: number): string => `keyturn-${generation}`;

/** @see https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-5 */
export function uuidV5(digests: Sha1, namespace: string, name: string): string {
  const bytes = digests.sha1(new Uint8Array([...uuidBytes(namespace), ...new TextEncoder().encode(name)]));
  const hex = [...bytes.slice(0, 16)]
    .map((byte, index) => withVersion(byte, index))
    .map(twoDigits)
    .join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const uuidBytes = (uuid: string): number[] =>
  (uuid.replaceAll('-', '').match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));

const withVersion = (byte: number, index: number): number => {
  if (index === 6) return (byte & 0x0f) | 0x50;
  return index === 8 ? (byte & 0x3f) | 0x80 : byte;
};

const twoDigits = (byte: number): string => byte.toString(16).padStart(2, '0');
