/**
 * One HTTP call of a plug-in, bounded in time, size and reach. Its errors name the call as keyturn.yaml wrote it,
 * never the expanded path, a header or a body: those may hold secrets.
 */
import { withoutDetails } from '../rotation/without-details.ts';
import type { Seconds } from '../usage/instant.ts';
import { millisecondsFor, type Patience } from './patience.ts';

export interface HttpCall {
  /** The call for people: method, host and the path's template. */
  readonly where: string;
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

type Failure = new (message: string, options?: ErrorOptions) => Error;

export interface HttpOptions extends Patience {
  /** What to throw when the call is refused for good, and when nobody knows what happened. */
  readonly errors: { readonly Rejected: Failure; readonly Unavailable: Failure };
  readonly fetch: typeof fetch;
  /** Hosts, with a port that is not the scheme's own, that may be called. */
  readonly hosts: readonly string[];
  /** Whether loopback hosts may be called without TLS; others never. */
  readonly plainLoopback: boolean;
  /** At most this long, and at most half of the time that the invocation has left. */
  readonly timeout: Seconds;
}

/** Bytes of an answer that are read; a longer one is unreadable. */
const maxAnswerBytes = 1024 * 1024;

/**
 * Calls once, without a retry, and follows no redirect.
 *
 * @returns the answer, whatever its status says, but for redirects.
 * @throws Rejected for a redirect or an address that is not allowed, Unavailable when there is no whole answer in
 * time; the call may have had its effect then.
 */
export async function callHttp(call: HttpCall, options: HttpOptions): Promise<HttpAnswer> {
  refuseForeignAddress(call, options);
  const { method, headers, body = null, url, where } = call;
  const { Rejected, Unavailable } = options.errors;
  const milliseconds = millisecondsFor(options, options.timeout);
  if (milliseconds === 0) throw new Unavailable(`${where} was not called: the invocation has no time left`);
  const signal = AbortSignal.timeout(milliseconds);
  try {
    const response = await options.fetch(url, { method, headers, body, signal, redirect: 'manual' });
    if (response.status >= 300 && response.status < 400) {
      throw new Rejected(
        `${where} answered with a redirect (${response.status}), which is never followed: give the final address`,
      );
    }
    return { status: response.status, json: parseJson(await readText(response, call, options)) };
  } catch (error) {
    if (error instanceof Rejected || error instanceof Unavailable) throw error;
    const cause = withoutDetails(error);
    throw new Unavailable(`${where} gave no answer: ${cause.message}`, { cause });
  }
}

/** Whether a call with this status may go better by itself: too many, too early, too slow, or the server's own fault. */
export const mayPass = (status: number): boolean => status >= 500 || [408, 425, 429].includes(status);

/** Whether keyturn may call it: TLS, but for this machine itself, and nothing in it that could be a secret. */
export function isBareAddress(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  const bare = !/[?#\\\s]/.test(address) && url.username === '' && url.password === '';
  return bare && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)));
}

/** True for hosts that never leave this machine. */
function isLoopback(url: URL): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
}

function refuseForeignAddress({ url, where }: HttpCall, { errors, hosts, plainLoopback }: HttpOptions): void {
  if (!hosts.includes(url.host)) {
    throw new errors.Rejected(`${where} leads to ${url.host}, which is not among its hosts: ${hosts}`);
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && plainLoopback && isLoopback(url))) return;
  throw new errors.Rejected(
    `${where} would leave without TLS: use https (mode: demo allows http, to this machine only)`,
  );
}

async function readText(response: Response, { where }: HttpCall, { errors }: HttpOptions): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxAnswerBytes) {
      throw new errors.Unavailable(`${where} answered with more than ${maxAnswerBytes} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The parser's own error quotes the text, which may hold a secret; so it ends here. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
