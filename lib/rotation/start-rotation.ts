/** Start rotation: the one way in for schedules, people and tools; it starts an execution, Begin takes the lock. */
import { plus, type Seconds } from '../usage/instant.ts';
import type { Credential } from './credential.ts';
import { executionNameOf, rotationIdOf } from './ids.ts';
import type { Ports, StartAnswer } from './ports.ts';

type StartPorts = Pick<Ports, 'ledger' | 'executions' | 'clock' | 'digests'>;

export interface StartRequest {
  readonly credentialId: string;
  /** Who or what asks, in words; stands in the audit trail. */
  readonly requestedBy: string;
}

/** Between two promotions of one secret: consumers and Secrets Manager need time to follow. */
const promotionPause: Seconds = 600;

/**
 * Starts the credential's next rotation, unless there is a reason not to.
 *
 * Run twice, even at once, both compute the same rotation id and execution name, and one execution starts.
 */
export async function startRotation(ports: StartPorts, request: StartRequest): Promise<StartAnswer> {
  const { credentialId, requestedBy } = request;
  const view = await ports.ledger.load(credentialId);
  if (!view) {
    const reason = `credential "${credentialId}" is not registered: check its name with "keyturn status", or add it to keyturn.yaml and deploy`;
    return { outcome: 'rejected', reason };
  }
  const reason = reasonAgainst(view.credential, ports.clock.now());
  if (reason) return { outcome: 'rejected', reason };
  const rotationId = rotationIdOf(ports.digests, view.credential, view.credential.lastGeneration + 1);
  await ports.executions.start(executionNameOf(rotationId, 1), {
    credentialId,
    rotationId,
    run: 1,
    requestedBy,
  });
  return { outcome: 'started', rotationId };
}

function reasonAgainst(credential: Credential, now: string): string | undefined {
  const { id, activeRotation, status, lastPromotedAt, declaration } = credential;
  if (activeRotation) return `credential "${id}" is rotating already, in rotation ${activeRotation}`;
  if (status === 'blocked') {
    return `credential "${id}" is blocked by a key at its issuer that keyturn cannot place: see "keyturn status ${id}"`;
  }
  const pausedUntil = lastPromotedAt && plus(lastPromotedAt, promotionPause);
  if (declaration.mode === 'production' && pausedUntil && now < pausedUntil) {
    return `credential "${id}" was promoted at ${lastPromotedAt}: its next rotation can start at ${pausedUntil}`;
  }
  return undefined;
}
