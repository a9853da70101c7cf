/** Digests and randomness by Node's own crypto, which the core has no business importing. */
import { createHash, randomInt, randomUUID } from 'node:crypto';
import type { Digests } from '../rotation/ports.ts';

const lettersAndDigits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export const nodeDigests: Digests = {
  sha1: (bytes) => createHash('sha1').update(bytes).digest(),
  sha256: (text) => createHash('sha256').update(text, 'utf8').digest('hex'),
  randomText: (length) => Array.from({ length }, randomCharacter).join(''),
  randomUuid: () => randomUUID(),
};

const randomCharacter = (): string => lettersAndDigits.charAt(randomInt(lettersAndDigits.length));
