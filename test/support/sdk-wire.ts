/** Lets a fake answer an SDK client's requests as they go over the wire, so that the real client is under test. */

/** A request as the service would get it. */
export interface WireRequest {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON body; `{}` when there is none. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** The error as both of AWS's JSON protocols send it. */
export const refusal = (status: number, name: string, message = 'refused'): WireAnswer => ({
  status,
  headers: { 'x-amzn-errortype': name },
  body: { __type: name, message },
});

/**
 * Options of a client whose every request `answer` answers; what it throws is a network failure.
 *
 * @example new SSMClient(wiredTo((request) => ({ status: 200, body: {} })))
 */
export const wiredTo = (answer: (request: WireRequest) => WireAnswer) => ({
  region: 'eu-central-1',
  credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'none' },
  maxAttempts: 1,
  requestHandler: {
    handle: async (request: HttpRequest) => {
      const { status, headers = {}, body = {} } = answer(read(request));
      return { response: { statusCode: status, headers, body: Buffer.from(JSON.stringify(body)) } };
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  },
});

interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

function read({ method, path, headers, body = '' }: HttpRequest): WireRequest {
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  return { method, path: decodeURIComponent(path), headers, body: text === '' ? {} : JSON.parse(text) };
}
