/** Stands between keyturn and a real registry, so that a test can lose an answer or change one. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One exchange, after the registry has answered and before the caller knows. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly authorization: string;
  readonly status: number;
  readonly body: string;
  /** Port of the caller's end of the connection, by which its process can be found. */
  readonly callerPort: number;
}

/** What the caller gets: the answer, or nothing at all. */
export type Verdict = { readonly status: number; readonly body: string } | 'drop';

export interface RegistryProxy {
  readonly url: string;
  /** Called for each exchange; without it every answer goes through. */
  intercept?: (exchange: Exchange) => Verdict | Promise<Verdict>;
  readonly stop: () => Promise<void>;
}

export async function startRegistryProxy(registryUrl: string): Promise<RegistryProxy> {
  const server = createServer((request, response) => {
    relay(registryUrl, proxy, request, response).catch(() => response.destroy());
  });
  const proxy: RegistryProxy = { url: await listening(server), stop: () => stopped(server) };
  return proxy;
}

async function relay(
  registryUrl: string,
  proxy: RegistryProxy,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '/', headers } = request;
  const { authorization = '' } = headers;
  const sent = await bodyOf(request);
  const answer = await fetch(`${registryUrl}${url}`, {
    method,
    headers: { authorization, ...(headers['content-type'] && { 'content-type': headers['content-type'] }) },
    ...(sent && { body: sent }),
  });
  const exchange: Exchange = {
    method,
    path: url,
    authorization,
    status: answer.status,
    body: await answer.text(),
    callerPort: request.socket.remotePort ?? 0,
  };
  const verdict = proxy.intercept ? await proxy.intercept(exchange) : exchange;
  if (verdict === 'drop') response.destroy();
  else response.writeHead(verdict.status, { 'content-type': 'application/json' }).end(verdict.body);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  return body;
}

const listening = (server: Server): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });

const stopped = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
