/** A secret in memory that no log, error, event or state can print. */

const inspect = Symbol.for('nodejs.util.inspect.custom');

/**
 * Wraps a secret. `toString` and inspection print `[redacted]`, JSON throws, and `reveal()` is the one way out:
 * a search for `reveal()` is the audit of who sees secrets.
 */
export class SecretText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The secret itself; only for an issuer call, the secret store and the fingerprint. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '[redacted]';
  }

  [inspect](): string {
    return '[redacted]';
  }

  /** @throws TypeError always: whoever serialises a secret has made a mistake. */
  toJSON(): never {
    throw new TypeError('a secret was about to be written as JSON: pass its version id instead');
  }
}
