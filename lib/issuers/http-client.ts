/**
 * One HTTP call to an issuer, bounded in time, size and reach. Its errors name the call as keyturn.yaml wrote it,
 * never the expanded path, a header or a body: those may hold secrets.
 */
import { IssuerRejected, IssuerUnavailable } from '../rotation/errors.ts';
import type { Clock } from '../rotation/ports.ts';
import { type Instant, type Seconds, secondsBetween } from '../usage/instant.ts';

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

export interface HttpOptions {
  readonly fetch: typeof fetch;
  /** Hosts, with a port that is not the scheme's own, that may be called. */
  readonly hosts: readonly string[];
  /** Whether loopback hosts may be called without TLS; others never. */
  readonly plainLoopback: boolean;
  /** At most this long, and at most half of the time that the invocation has left. */
  readonly timeout: Seconds;
  readonly clock: Pick<Clock, 'now'>;
  readonly deadline: () => Instant;
}

/** Bytes of an answer that are read; a longer one is unreadable. */
const maxAnswerBytes = 1024 * 1024;

/**
 * Calls once, without a retry, and follows no redirect.
 *
 * @returns the answer, whatever its status says, but for redirects.
 * @throws IssuerRejected for a redirect or an address that is not allowed, IssuerUnavailable when there is no
 * whole answer in time; the call may have had its effect then.
 */
export async function callHttp(call: HttpCall, options: HttpOptions): Promise<HttpAnswer> {
  refuseForeignAddress(call, options);
  const { method, headers, body = null, url, where } = call;
  const signal = AbortSignal.timeout(millisecondsFor(call, options));
  try {
    const response = await options.fetch(url, { method, headers, body, signal, redirect: 'manual' });
    if (response.status >= 300 && response.status < 400) {
      throw new IssuerRejected(
        `${where} answered with a redirect (${response.status}), which is never followed: give the final address`,
      );
    }
    return { status: response.status, json: parseJson(await readText(response, where)) };
  } catch (error) {
    if (error instanceof IssuerRejected || error instanceof IssuerUnavailable) throw error;
    const cause = withoutDetails(error);
    throw new IssuerUnavailable(`${where} gave no answer: ${cause.message}`, { cause });
  }
}

/** True for hosts that never leave this machine. */
export function isLoopback(url: URL): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
}

/**
 * The error's names and codes only: some errors of fetch carry bytes of the answer, or text of the request, in
 * their message or fields.
 */
export function withoutDetails(error: unknown): Error {
  const names = new Set<string>();
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : undefined;
    names.add(code ?? at.name);
  }
  return new Error([...names].join(', ') || 'unknown failure');
}

function refuseForeignAddress({ url, where }: HttpCall, { hosts, plainLoopback }: HttpOptions): void {
  if (!hosts.includes(url.host)) {
    throw new IssuerRejected(
      `${where} leads to ${url.host}, which is not among the issuer's hosts: ${hosts}`,
    );
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && plainLoopback && isLoopback(url))) return;
  throw new IssuerRejected(
    `${where} would leave without TLS: use https (mode: demo allows http, to this machine only)`,
  );
}

function millisecondsFor({ where }: HttpCall, { clock, deadline, timeout }: HttpOptions): number {
  const half = secondsBetween(clock.now(), deadline()) / 2;
  const milliseconds = Math.floor(Math.min(timeout, half) * 1000);
  if (milliseconds > 0) return milliseconds;
  throw new IssuerUnavailable(`${where} was not called: the invocation has no time left`);
}

async function readText(response: Response, where: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxAnswerBytes) {
      throw new IssuerUnavailable(`${where} answered with more than ${maxAnswerBytes} bytes`);
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
