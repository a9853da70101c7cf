/** Answers one `Rotate Requested`: what is malformed or refused leaves an event, a metric and the original. */
import type { Ports, StartAnswer } from '../rotation/ports.ts';
import { startRotation } from '../rotation/start-rotation.ts';
import { busEvent, rotateRequested } from './events.ts';

type RequestPorts = Pick<
  Ports,
  'ledger' | 'requests' | 'executions' | 'events' | 'clock' | 'digests' | 'metrics' | 'deadLetters'
>;

/**
 * 1. Reads the event; a malformed one is rejected and kept in the dead-letter queue with the reason.
 * 2. Takes its id: a redelivery of an answered event starts nothing.
 * 3. Starts the rotation, or rejects it with the reason, and writes the answer for whoever waits for it.
 *
 * Run again after a death between 2 and 3, it finds the id taken but without an answer, and answers it: starting the
 * same rotation twice starts one execution.
 */
export async function answerRequest(ports: RequestPorts, body: string): Promise<void> {
  const request = parsed(body);
  if ('reason' in request) return reject(ports, body, request);
  const { id, credentialId, requestedBy } = request;
  if (!(await ports.requests.take(id, ports.clock.now())) && (await ports.requests.find(id))?.answer) return;
  const answer: StartAnswer = await startRotation(ports, { credentialId, requestedBy });
  if (answer.outcome === 'rejected') await reject(ports, body, { id, credentialId, reason: answer.reason });
  await ports.requests.answer(id, answer);
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
