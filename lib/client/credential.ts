/** One credential as a consumer uses it: hands out the key, sees how the call ends, and tries once more if need be. */
import type { KeyCache } from './key-cache.ts';
import type { IssuedKey } from './read-key.ts';
import type { Outcome } from './usage-log.ts';

export interface UseOptions<T> {
  /** Whether the issuer refused the key. @default a result whose `status` is 401 or 403 */
  readonly refused?: (result: T) => boolean;
  /** The same for SDKs that throw. @default an error whose `status` is 401 or 403 */
  readonly refusedError?: (error: unknown) => boolean;
  /**
   * Where the call goes, for the reports: a host name, or an address whose host name is taken. What is neither is left
   * out. @default not reported
   */
  readonly destination?: string | URL;
}

type Rules<T> = Required<Omit<UseOptions<T>, 'destination'>>;

export interface CredentialHandle {
  /**
   * Calls with the current key. When the issuer refuses it, the key is read again, and if there is another one the
   * call is made once more; so `call` must be safe to repeat after a refusal. Each attempt counts as a use, also
   * one that throws, since the key may have left the process; a throw is no refusal unless `refusedError` says so.
   *
   * @example
   * const response = await npm.use((key) => fetch(url, { headers: { authorization: `Bearer ${key}` } }));
   * @returns what `call` returned, or throws what it threw: of the second attempt, when there was one.
   * @throws KeyUnavailable, KeyNotIssued, KeyUnreadable when there is no key to call with.
   */
  use<T>(call: (key: string) => Promise<T> | T, options?: UseOptions<T>): Promise<T>;
  /**
   * The key itself, for libraries that want a function. Ask anew for every request: what you keep, no report shows.
   * Counts as a use whose outcome nobody knows.
   */
  key(): Promise<string>;
}

/** An attempt as the observer hears of it. */
export interface Attempt {
  readonly versionId: string;
  readonly generation?: number;
  /** `unknown`: the call threw, or the key was handed out. */
  readonly outcome: Outcome;
}

export interface CredentialParts {
  readonly cache: KeyCache;
  /** A key is about to be used; called before every attempt. */
  readonly begins: (versionId: string, destination?: string) => void;
  readonly ends: (attempt: Attempt, destination?: string) => void;
}

export function credentialHandle({ cache, begins, ends }: CredentialParts): CredentialHandle {
  const attempt = async <T>(
    issued: IssuedKey,
    call: (key: string) => Promise<T> | T,
    rules: Rules<T>,
    destination: string | undefined,
  ) => {
    begins(issued.versionId, destination);
    const ended = await settled(issued.key, call, rules);
    ends({ ...facts(issued), outcome: ended.outcome }, destination);
    return ended;
  };
  return {
    async use<T>(call: (key: string) => Promise<T> | T, options: UseOptions<T> = {}) {
      const rules = { refused: isRefusal, refusedError: isRefusal, ...options };
      const host = options.destination && hostName(options.destination);
      const issued = await cache.resolve();
      const first = await attempt(issued, call, rules, host);
      const other = first.outcome === 'refused' ? await cache.renew(issued) : undefined;
      const last = other ? await attempt(other, call, rules, host) : first;
      if ('error' in last) throw last.error;
      return last.result;
    },
    async key() {
      const issued = await cache.resolve();
      begins(issued.versionId);
      ends({ ...facts(issued), outcome: 'unknown' });
      return issued.key;
    },
  };
}

type Ended<T> =
  | { readonly outcome: Outcome; readonly result: T }
  | { readonly outcome: Outcome; readonly error: unknown };

/** What the call threw is kept and thrown by `use`, unless another key gets the call through. */
async function settled<T>(
  key: string,
  call: (key: string) => Promise<T> | T,
  { refused, refusedError }: Rules<T>,
): Promise<Ended<T>> {
  try {
    const result = await call(key);
    return { outcome: refused(result) ? 'refused' : 'accepted', result };
  } catch (error) {
    return { outcome: refusedError(error) ? 'refused' : 'unknown', error };
  }
}

/** Undefined for what the format would not take, since one bad name would cost the whole report. */
function hostName(destination: string | URL): string | undefined {
  const text = String(destination);
  const named =
    text.includes('://') && URL.canParse(text) ? new URL(text).hostname : text.replace(/:\d+$/, '');
  const host = named.toLowerCase();
  return /^[a-z0-9_]([a-z0-9._-]{0,251}[a-z0-9])?$/.test(host) ? host : undefined;
}

function isRefusal(answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null || !('status' in answer)) return false;
  return answer.status === 401 || answer.status === 403;
}

const facts = ({ versionId, generation }: IssuedKey) => ({
  versionId,
  ...(generation !== undefined && { generation }),
});
