/** Issuers' admin secrets: what keyturn makes and revokes keys with, put into Secrets Manager by people. */
import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { InvalidInput } from '../rotation/errors.ts';
import { SecretText } from '../rotation/secret-text.ts';

/**
 * Reads issuers' admin secrets, JSON objects whose fields are texts, by name: AWSCURRENT, since people put them there.
 *
 * @throws InvalidInput for a secret that is missing or of another shape; the text that was found is never quoted,
 * nor the parser's error, which would quote it.
 */
export function adminSecrets(
  client: SecretsManagerClient,
): (name: string) => Promise<Readonly<Record<string, SecretText>>> {
  return async (name) => {
    try {
      const { SecretString = '' } = await client.send(new GetSecretValueCommand({ SecretId: name }));
      return adminFields(name, new SecretText(SecretString));
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error;
      throw new InvalidInput(
        `there is no admin secret ${name}: create it with the fields that the issuer needs`,
        {
          cause: error,
        },
      );
    }
  };
}

function adminFields(name: string, text: SecretText): Readonly<Record<string, SecretText>> {
  const fields = parsed(text);
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw wrongShape(name, 'a JSON object');
  return Object.fromEntries(
    Object.entries(fields).map(([field, value]: [string, unknown]) => {
      if (typeof value !== 'string') throw wrongShape(name, `text in field ${field}`);
      return [field, new SecretText(value)];
    }),
  );
}

function parsed(text: SecretText): unknown {
  try {
    return JSON.parse(text.reveal());
  } catch {
    return undefined;
  }
}

const wrongShape = (name: string, expected: string): InvalidInput =>
  new InvalidInput(`admin secret ${name} must hold ${expected}: put a value like {"token":"…"} into it`);
