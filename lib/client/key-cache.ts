/** Keeps one credential's key in memory, for a bounded time: this bound is what lets an old key ever drain. */
import { type IssuedKey, type KeyPlace, readKey, type SecretReader } from './read-key.ts';

export interface KeyCacheOptions {
  readonly secretsManager: SecretReader;
  readonly place: KeyPlace;
  /** Milliseconds after which a key is read again before it is used. */
  readonly cacheForMs: number;
  /** Milliseconds that a key may be used at most when it cannot be read again. */
  readonly keepForMs: number;
  readonly readFailed: (error: unknown) => void;
}

export interface KeyCache {
  /** @throws KeyUnavailable, KeyNotIssued, KeyUnreadable when there is no key that may be used. */
  resolve(): Promise<IssuedKey>;
  /** The key to try after this one was refused; undefined when there is no other. */
  renew(refused: IssuedKey): Promise<IssuedKey | undefined>;
  /** The version in memory, after letting go of one that nobody has asked for in `cacheFor`. */
  held(): string | undefined;
}

/** After a read that failed, or that found nothing new, this long passes before the next one that could be spared. */
const sparedMs = 5_000;

interface Held extends IssuedKey {
  readonly readAt: number;
}

export function keyCache({
  secretsManager,
  place,
  cacheForMs,
  keepForMs,
  readFailed,
}: KeyCacheOptions): KeyCache {
  let held: Held | undefined;
  let askedAt = 0;
  let spareUntil = 0;
  let reading: Promise<Held> | undefined;

  const read = (): Promise<Held> => {
    reading ??= readKey(secretsManager, place)
      .then(
        (issued) => {
          held = { ...issued, readAt: Date.now() };
          return held;
        },
        (error: unknown) => {
          spareUntil = Date.now() + sparedMs;
          readFailed(error);
          throw error;
        },
      )
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };

  /** The key in memory, if it is younger than this. */
  const younger = (ms: number): Held | undefined => {
    const age = held ? Date.now() - held.readAt : ms;
    // a clock that was set back makes no key young again
    return age >= 0 && age < ms ? held : undefined;
  };

  /** Better the key in memory than none, within the bound; the failure has been observed. */
  const orElseHeld = (error: unknown): Held => {
    const usable = younger(keepForMs);
    if (usable) return usable;
    throw error;
  };

  return {
    async resolve() {
      askedAt = Date.now();
      const fresh = younger(cacheForMs);
      if (fresh) return fresh;
      const spared = askedAt < spareUntil ? younger(keepForMs) : undefined;
      return spared ?? read().catch(orElseHeld);
    },
    async renew(refused) {
      if (held && held.versionId !== refused.versionId) return held;
      if (Date.now() < spareUntil) return undefined;
      // without a new key the caller gets the refusal itself; the failure has been observed
      const next = await read().catch(() => undefined);
      if (next?.versionId !== refused.versionId) return next;
      spareUntil = Date.now() + sparedMs;
      return undefined;
    },
    held() {
      const idle = Date.now() - askedAt >= cacheForMs;
      if (!younger(idle ? cacheForMs : keepForMs)) held = undefined;
      return held?.versionId;
    },
  };
}
