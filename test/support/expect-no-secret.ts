/** Looks for the sentinel wherever a secret could have slipped into. */
import { inspect } from 'node:util';
import { SENTINEL } from './sentinel.ts';

/** Plain, and as an encoder may have left it. */
const forms = [SENTINEL, encodeURIComponent(SENTINEL), ...base64Forms(SENTINEL)];

/**
 * Fails when the sentinel stands anywhere in these values: rows, events, errors with their causes, text.
 * @throws Error that names the form and the place, never the secret.
 */
export function expectNoSecret(...things: readonly unknown[]): void {
  for (const [index, thing] of things.entries())
    if (holdsSecret(thing))
      throw new Error(`a secret has leaked into value ${index + 1} of ${things.length}`);
}

/** Whether the sentinel is in there, in any form that printing or serialising it would show. */
export function holdsSecret(thing: unknown): boolean {
  return [printed(thing), serialised(thing)].some((text) => forms.some((form) => text.includes(form)));
}

/** Inspection also follows causes and hidden fields of errors, which JSON leaves out. */
function printed(thing: unknown): string {
  if (typeof thing === 'string') return thing;
  if (thing instanceof Uint8Array) return Buffer.from(thing).toString('utf8');
  return inspect(thing, {
    depth: Number.POSITIVE_INFINITY,
    showHidden: true,
    maxArrayLength: null,
    maxStringLength: null,
    breakLength: Number.POSITIVE_INFINITY,
  });
}

/** What cannot be serialised (a SecretText, a cycle) cannot leak that way. */
function serialised(thing: unknown): string {
  try {
    return JSON.stringify(thing) ?? '';
  } catch {
    return '';
  }
}

/** Base64 of a text depends on where in the bytes it starts: its middle, at each of three offsets. */
function base64Forms(text: string): readonly string[] {
  return [0, 1, 2].map((offset) =>
    Buffer.from(' '.repeat(offset) + text)
      .toString('base64')
      .slice(4, -4),
  );
}
