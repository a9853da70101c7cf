/** Reads the current key out of Secrets Manager: the one place where a value comes in. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { KeyNotIssued, KeyUnavailable, KeyUnreadable, safeCause, textOf } from './errors.ts';

export interface KeyPlace {
  /** Credential id, as in keyturn.yaml. */
  readonly id: string;
  /** Name or ARN of the secret. */
  readonly secretId: string;
  /** The JSON field that holds the key; null when the secret's whole text is the key. */
  readonly field: string | null;
}

export interface IssuedKey {
  readonly key: string;
  readonly versionId: string;
  /** When the secret tells it, in the field `generation`. */
  readonly generation?: number;
}

export type SecretReader = Pick<SecretsManagerClient, 'send'>;

/** What keyturn writes before the first key: as text, and as the value of the JSON field `keyturn`. */
const placeholder = { text: 'keyturn:key-not-issued', field: 'key-not-issued' } as const;

/** @throws KeyUnavailable, KeyNotIssued, KeyUnreadable */
export async function readKey(secretsManager: SecretReader, place: KeyPlace): Promise<IssuedKey> {
  const { SecretString, VersionId } = await currentVersion(secretsManager, place);
  if (SecretString === undefined || VersionId === undefined)
    throw unreadable(place, 'expected a text secret');
  const fields = jsonObject(SecretString);
  if (SecretString === placeholder.text || fields?.['keyturn'] === placeholder.field) throw notIssued(place);
  const key = place.field === null ? SecretString : fields?.[place.field];
  if (typeof key !== 'string' || key === '')
    throw unreadable(place, `expected JSON with a text in the field ${place.field}`);
  const generation = Number(fields?.['generation']);
  return { key, versionId: VersionId, ...(Number.isInteger(generation) && { generation }) };
}

async function currentVersion(secretsManager: SecretReader, { id, secretId }: KeyPlace) {
  try {
    return await secretsManager.send(
      new GetSecretValueCommand({ SecretId: secretId, VersionStage: 'AWSCURRENT' }),
    );
  } catch (error) {
    const text = `credential ${id}: secret ${secretId} cannot be read (${textOf(error)})`;
    throw new KeyUnavailable(text, safeCause(error));
  }
}

/** Undefined for any other text. The parser's error is dropped on purpose: it quotes the secret. */
function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function notIssued({ id, secretId }: KeyPlace): KeyNotIssued {
  return new KeyNotIssued(
    `credential ${id} has no key yet: secret ${secretId} holds keyturn's placeholder; wait for the first rotation, or start it`,
  );
}

function unreadable({ id, secretId }: KeyPlace, expected: string): KeyUnreadable {
  return new KeyUnreadable(
    `credential ${id}: no key in secret ${secretId}, ${expected}: compare the client's option field with secret.fields in keyturn.yaml`,
  );
}
