/** Start rotation: the one way in for schedules, people and tools; it starts an execution, Begin takes the lock. */
import { plus, type Seconds } from '../usage/instant.ts';
import type { Credential } from './credential.ts';
import { mayChangeAt } from './due.ts';
import { executionNameOf, rotationIdOf } from './ids.ts';
import { firstUnusedRun } from './next-run.ts';
import type { Ports, StartAnswer } from './ports.ts';

type DecidePorts = Pick<Ports, 'ledger' | 'clock' | 'digests'>;
type LaunchPorts = Pick<Ports, 'ledger' | 'executions'>;

export interface StartRequest {
  readonly credentialId: string;
  /** Who or what asks, in words; stands in the audit trail. */
  readonly requestedBy: string;
}

/** Between two promotions of one secret: consumers and Secrets Manager need time to follow. */
const promotionRest: Seconds = 600;

/**
 * Starts the credential's next rotation, unless there is a reason not to.
 *
 * Run twice, even at once, both compute the same rotation id and execution name, and one execution starts.
 */
export async function startRotation(
  ports: DecidePorts & LaunchPorts,
  request: StartRequest,
): Promise<StartAnswer> {
  const answer = await decideStart(ports, request.credentialId);
  if (answer.outcome === 'started') await launch(ports, request, answer.rotationId);
  return answer;
}

/** Which rotation is to start, or why none; nothing has started yet. */
export async function decideStart(ports: DecidePorts, credentialId: string): Promise<StartAnswer> {
  const view = await ports.ledger.load(credentialId);
  if (!view) {
    const reason = `credential "${credentialId}" is not registered: check its name with "keyturn status", or add it to keyturn.yaml and deploy`;
    return { outcome: 'rejected', reason };
  }
  const reason = reasonAgainst(view.credential, ports.clock.now());
  if (reason) return { outcome: 'rejected', reason };
  const rotationId = rotationIdOf(ports.digests, view.credential, view.credential.lastGeneration + 1);
  return { outcome: 'started', rotationId };
}

/**
 * Starts the rotation's execution. One that died before Begin could take the lock has used its name up and left no
 * row: the next run's name takes its place. A rotation with a row has begun, and is not started again.
 */
export async function launch(ports: LaunchPorts, request: StartRequest, rotationId: string): Promise<void> {
  const { credentialId, requestedBy } = request;
  const start = (run: number) => {
    const ref = { credentialId, rotationId, run, requestedBy };
    return ports.executions.start(executionNameOf(rotationId, run), ref);
  };
  if ((await start(1)) === 'runs') return;
  if ((await ports.ledger.load(credentialId, rotationId))?.rotation) return;
  await start(await firstUnusedRun(ports, rotationId, 2));
}

function reasonAgainst(credential: Credential, now: string): string | undefined {
  const { id, activeRotation, lastPromotedAt, declaration, status, pause } = credential;
  if (activeRotation) return `credential "${id}" is rotating already, in rotation ${activeRotation}`;
  if (status === 'retired') {
    return `credential "${id}" is retired and no longer declared: add it to keyturn.yaml and deploy`;
  }
  if (pause) {
    return `credential "${id}" is paused by ${pause.by} since ${pause.at} (${pause.reason}): see "keyturn resume"`;
  }
  const opens = mayChangeAt(credential, now);
  if (opens > now) return `credential "${id}" may change in its window only, which opens at ${opens}`;
  const restsUntil = lastPromotedAt && plus(lastPromotedAt, promotionRest);
  if (declaration.mode === 'production' && restsUntil && now < restsUntil) {
    return `credential "${id}" was promoted at ${lastPromotedAt}: its next rotation can start at ${restsUntil}`;
  }
  return undefined;
}
