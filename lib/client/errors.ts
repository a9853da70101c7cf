/** What can go wrong between a consumer and its key. No text here, and no cause, ever holds a key. */

/** The secret still holds keyturn's placeholder: the first key has not been issued yet. */
export class KeyNotIssued extends Error {
  override readonly name = 'KeyNotIssued';
}

/** The secret could not be read, and no key is in memory that may still be used. */
export class KeyUnavailable extends Error {
  override readonly name = 'KeyUnavailable';
}

/** The secret was read, but there is no key where the credential's options say. */
export class KeyUnreadable extends Error {
  override readonly name = 'KeyUnreadable';
}

/** Usage could not be reported. The counts are kept and go with the next report that gets through. */
export class ReportNotSent extends Error {
  override readonly name = 'ReportNotSent';
}

/** The client was called in a way that cannot work: a mistake in the program, not in the world. */
export class ClientMisused extends Error {
  override readonly name = 'ClientMisused';
}

/**
 * An error of the SDK, fit to be a cause: one about a broken response quotes that response, and the response to
 * GetSecretValue is the key.
 */
export function safeCause(error: unknown): ErrorOptions {
  const quotes = error instanceof SyntaxError || (error instanceof Error && '$responseBodyText' in error);
  return quotes ? {} : { cause: error };
}

/** `AccessDeniedException: User … is not authorized …`, without what `safeCause` keeps away. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown error';
  return 'cause' in safeCause(error) ? `${error.name}: ${error.message}` : error.name;
}
