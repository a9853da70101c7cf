/**
 * The receiver of a team's webhook as a real HTTP server on loopback, built as the target's page tells teams to.
 *
 * Spec:
 * - `POST /keyturn`; the signature is `v1=` and the hex HMAC-SHA256, by the shared key, of the timestamp, a dot and
 *   the raw body. A wrong one → 401; a timestamp more than five minutes away → 401.
 * - A notice whose `keyturn-delivery` is known → 204 without effect; `type: Test` → 204 without effect; else 204,
 *   and what held the key has restarted with the version.
 * - When it fails it helps its users by telling them all that they sent, and what it knows.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Clock } from '../../lib/rotation/ports.ts';
import type { Failing } from '../contract/target-contract.ts';

export interface Delivery {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebhookTarget {
  readonly url: string;
  /** Everything that came in, in order. */
  readonly deliveries: readonly Delivery[];
  /** Versions that it has restarted with, in order. */
  readonly restarts: readonly string[];
  fail(failing: Failing): void;
  /** The next answer has this status. */
  answerNext(status: number): void;
  stop(): Promise<void>;
}

interface Options {
  readonly clock: Pick<Clock, 'now'>;
  readonly signingKey: string;
}

const tolerance = 300;

export async function startWebhookTarget({ clock, signingKey }: Options): Promise<WebhookTarget> {
  const deliveries: Delivery[] = [];
  const restarts: string[] = [];
  const known = new Set<unknown>();
  const statuses: number[] = [];
  let failing: Failing = false;
  const take = ({ headers, body }: Delivery): number => {
    const sentAt = Number(headers['keyturn-timestamp']);
    const isLate = !(Math.abs(Date.parse(clock.now()) / 1000 - sentAt) <= tolerance);
    if (isLate || !isSigned({ headers, body }, signingKey)) return 401;
    const { type, versionId }: Readonly<Record<string, unknown>> = JSON.parse(body);
    if (type === 'Test' || known.has(headers['keyturn-delivery'])) return 204;
    known.add(headers['keyturn-delivery']);
    restarts.push(`${versionId}`);
    return 204;
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const delivery = { headers: request.headers, body: await text(request) };
    deliveries.push(delivery);
    if (failing === true) return void response.socket?.destroy();
    const [status = failing === 'for good' ? 403 : take(delivery)] = statuses.splice(0, 1);
    if (failing === 'afterwards') return void response.socket?.destroy();
    response.writeHead(status, { location: `/elsewhere?key=${signingKey}` });
    response.end(status < 300 ? undefined : JSON.stringify({ ...delivery, signingKey }));
  };
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/keyturn`,
    deliveries,
    restarts,
    fail: (how) => {
      failing = how;
    },
    answerNext: (status) => void statuses.push(status),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isSigned({ headers, body }: Delivery, signingKey: string): boolean {
  const expected = createHmac('sha256', signingKey)
    .update(`${headers['keyturn-timestamp']}.${body}`)
    .digest();
  const given = Buffer.from(`${headers['keyturn-signature']}`.replace(/^v1=/, ''), 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
