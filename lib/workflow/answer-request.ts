/** Answers one `Rotate Requested`: what is malformed or refused leaves an event, a metric and the original. */
import type { Ports, StartAnswer } from '../rotation/ports.ts';
import { decideStart, launch } from '../rotation/start-rotation.ts';
import { busEvent, rotateRequested } from './events.ts';

type RequestPorts = Pick<
  Ports,
  'ledger' | 'requests' | 'executions' | 'events' | 'clock' | 'digests' | 'metrics' | 'deadLetters'
>;

/**
 * 1. Reads the event; a malformed one is rejected and kept in the dead-letter queue with the reason.
 * 2. Takes its id: a redelivery of an answered event starts nothing.
 * 3. Writes the answer for whoever waits for it: which rotation, or why none.
 * 4. Starts that rotation.
 *
 * Run again after a death, or delivered twice, it finds the answer and starts the very rotation that it names, which
 * is one execution however often; without an answer it decides anew.
 */
export async function answerRequest(ports: RequestPorts, body: string): Promise<void> {
  const request = parsed(body);
  if ('reason' in request) return reject(ports, body, request);
  const { id, credentialId, requestedBy } = request;
  const isNew = await ports.requests.take(id, ports.clock.now());
  const known = isNew ? null : (await ports.requests.find(id))?.answer;
  if (known?.outcome === 'rejected') return;
  const answer: StartAnswer = known ?? (await decideStart(ports, credentialId));
  if (answer.outcome === 'rejected') await reject(ports, body, { id, credentialId, reason: answer.reason });
  if (!known) await ports.requests.answer(id, answer);
  if (answer.outcome === 'started') await launch(ports, { credentialId, requestedBy }, answer.rotationId);
}

interface Rejection {
  readonly id?: string;
  readonly credentialId?: string;
  readonly reason: string;
}

async function reject(ports: RequestPorts, body: string, rejection: Rejection): Promise<void> {
  const { id, credentialId = '', reason } = rejection;
  ports.metrics.count('RotationRejected');
  await ports.deadLetters.keep(body, reason);
  const detail = { requestId: id, reason };
  // No row of the ledger changes, so there is no audit number to carry.
  await ports.events.put([
    { type: 'Rotation Rejected', credentialId, seq: 0, hash: '', at: ports.clock.now(), detail },
  ]);
}

type Request = { readonly id: string; readonly credentialId: string; readonly requestedBy: string };

function parsed(body: string): Request | Rejection {
  const event = busEvent.safeParse(json(body));
  if (!event.success) return { reason: 'malformed: not an EventBridge event' };
  const { id, source, detail } = event.data;
  const wanted = rotateRequested.detail.safeParse(detail);
  if (!wanted.success) {
    const mistakes = wanted.error.issues.map(({ path, message }) => `detail.${path.join('.')}: ${message}`);
    return { id, reason: `malformed: ${mistakes.join('; ')}` };
  }
  const { credential, reason } = wanted.data;
  return { id, credentialId: credential, requestedBy: reason ? `${source}: ${reason}` : source };
}

function json(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // Not JSON is one of the ways to be malformed; the caller says so.
    return undefined;
  }
}
