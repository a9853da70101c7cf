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

/**
 * The secret part of a text that keyturn did not write.
 * @throws InvalidInput when it has fields that are not declared, or declared ones that say otherwise; fields are
 * named, values are not.
 */
export function readAdopted(shape: SecretShape, text: SecretText, keyId: string): SecretText {
  const value = readSecret(shape, text);
  if (value.reveal().length < shortestSecret) {
    throw new InvalidInput(
      `the key in secret ${shape.name} is shorter than ${shortestSecret} characters: too guessable to be kept as a fingerprint`,
    );
  }
  if (shape.format === 'text') return value;
  const found = parsedFields(shape.name, text);
  const { fields, constants = {} } = shape;
  const undeclared = Object.keys(found).filter(
    (name) => !Object.values(fields).includes(name) && !(name in constants),
  );
  if (undeclared.length > 0) {
    throw new InvalidInput(
      `secret ${shape.name} has fields that keyturn.yaml does not declare: ${undeclared.join(', ')}. Its next version would lack them: declare them under "constants", or keep them elsewhere`,
    );
  }
  const differs = Object.entries(constants).filter(([name, constant]) => found[name] !== constant);
  if (fields.keyId && found[fields.keyId] !== keyId) differs.push([fields.keyId, keyId]);
  if (differs.length === 0) return value;
  const names = differs.map(([name]) => name).join(', ');
  throw new InvalidInput(
    `secret ${shape.name} holds something else than keyturn.yaml says in: ${names}. Make them agree, then deploy again`,
  );
}

/** Shorter values could be guessed from their SHA-256. */
const shortestSecret = 20;

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
