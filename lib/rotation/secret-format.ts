/** The text of a secret, in the shape that its user chose. */
import type { SecretShape } from './credential.ts';
import { InvalidInput } from './errors.ts';
import { SecretText } from './secret-text.ts';

export interface SecretParts {
  readonly secret: SecretText;
  readonly keyId: string;
  readonly generation: number;
}

/** The text that consumers will read. */
export function writeSecret(shape: SecretShape, parts: SecretParts): SecretText {
  if (shape.format === 'text') return parts.secret;
  const { secret, keyId, generation } = shape.fields;
  return new SecretText(
    JSON.stringify({
      ...shape.constants,
      [secret]: parts.secret.reveal(),
      ...(keyId && { [keyId]: parts.keyId }),
      ...(generation && { [generation]: parts.generation }),
    }),
  );
}

/** @throws InvalidInput when the text has not the declared shape; the text itself is never in the message. */
export function readSecret(shape: SecretShape, text: SecretText): SecretText {
  if (shape.format === 'text') return text;
  const value: unknown = parsedFields(shape.name, text)[shape.fields.secret];
  if (typeof value !== 'string') {
    throw new InvalidInput(
      `secret ${shape.name} has no text in field "${shape.fields.secret}": somebody changed it outside keyturn, or its fields in keyturn.yaml are not the ones it was written with`,
    );
  }
  return new SecretText(value);
}

/** What stands in a secret before its first key; the client answers it with `KeyNotIssued`. */
export const placeholderText = (shape: SecretShape): string =>
  shape.format === 'text' ? 'keyturn:key-not-issued' : JSON.stringify({ keyturn: 'key-not-issued' });

function parsedFields(name: string, text: SecretText): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text.reveal());
    return parsed !== null && typeof parsed === 'object' ? { ...parsed } : {};
  } catch {
    // The parser's own message quotes the text, which is a secret, so it is no cause to keep.
    throw new InvalidInput(`secret ${name} is declared as json but its value is not JSON`);
  }
}
