/** What an `http` issuer's answers say of keys: the created one, and the pages of the list. */
import { IssuerRejected } from '../rotation/errors.ts';
import type { CreatedKey, ListedKey } from '../rotation/ports.ts';
import { SecretText } from '../rotation/secret-text.ts';
import { idAt, listAt, optionalTextAt, optionalTimeAt, unreadable, valueAt } from './http-answers.ts';
import type { CreateRequest, ListRequest } from './http-block.ts';

/** A shorter secret could be guessed from its SHA-256, which keyturn keeps. */
const shortestSecret = 20;

/**
 * The key in the answer to a create.
 * @throws IssuerUnavailable when the answer cannot be read, IssuerRejected when its secret cannot be kept safe.
 */
export function readCreated(paths: CreateRequest['answer'], json: unknown, where: string): CreatedKey {
  const keyId = idAt(json, paths.keyId, where);
  const secret = valueAt(json, paths.secret);
  if (typeof secret !== 'string') throw unreadable(where, paths.secret, 'the secret');
  if (secret.length < shortestSecret) {
    throw new IssuerRejected(
      `${where} made a secret of ${secret.length} characters: under ${shortestSecret} its fingerprint could be guessed`,
    );
  }
  if (keyId.includes(secret)) {
    throw new IssuerRejected(
      `${where} made a key whose id shows its secret: name a public id in its answer.keyId`,
    );
  }
  const expiresAt = paths.expiresAt === undefined ? undefined : optionalTimeAt(json, paths.expiresAt, where);
  return { keyId, secret: new SecretText(secret), expiresAt: expiresAt ?? null };
}

/** The keys on one page. */
export function readPage(paths: ListRequest['answer'], json: unknown, where: string): readonly ListedKey[] {
  return listAt(json, paths.keys, where).map((item) => readListed(paths, item, where));
}

/** One key of the list. */
function readListed(paths: ListRequest['answer'], item: unknown, where: string): ListedKey {
  const label = paths.label === undefined ? undefined : optionalTextAt(item, paths.label, where);
  const createdAt = paths.createdAt === undefined ? undefined : optionalTimeAt(item, paths.createdAt, where);
  return {
    keyId: idAt(item, paths.keyId, where),
    ...(label === undefined ? {} : { label }),
    ...(createdAt === undefined ? {} : { createdAt }),
  };
}

/** Where the list goes on; undefined at its end. */
export function nextPage(
  { next, cursor }: ListRequest['answer'],
  json: unknown,
  from: URL,
  where: string,
): URL | undefined {
  const value = next === undefined ? undefined : (valueAt(json, next) ?? '');
  if (next === undefined || value === '') return undefined;
  // As for ids: a number too large for JSON.parse would lead to another page.
  if (typeof value !== 'string' && !Number.isSafeInteger(value)) throw unreadable(where, next, 'a next page');
  if (cursor === undefined) {
    if (!URL.canParse(`${value}`, from.href)) throw unreadable(where, next, 'an address');
    return new URL(`${value}`, from);
  }
  const url = new URL(from);
  url.searchParams.set(cursor, `${value}`);
  return url;
}
