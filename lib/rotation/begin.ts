/** Begin: takes the credential's lock for a rotation, or takes an interrupted one over, and says where to go on. */
import { type Instant, plus } from '../usage/instant.ts';
import { chain } from './audit.ts';
import type { Credential, CredentialStatus } from './credential.ts';
import { mayChangeAt } from './due.ts';
import { Fenced, InvalidInput, Superseded } from './errors.ts';
import { rotationIdOf } from './ids.ts';
import type { LedgerView, Ports, RotationRef } from './ports.ts';
import { expectedWithin, recordChange } from './record-change.ts';
import { withRoom } from './room.ts';
import {
  type GraceFacts,
  graceFrom,
  type NextStep,
  nextStep,
  type Rotation,
  type RotationKind,
} from './rotation.ts';
import { kindOf } from './rotation-kind.ts';
import { sent } from './turn.ts';
import type { TurnState } from './turn-state.ts';

type BeginPorts = Pick<Ports, 'ledger' | 'issuers' | 'events' | 'clock' | 'digests' | 'metrics'>;

/** What an execution is started with. */
export interface BeginInput extends RotationRef {
  /** Who or what asked for the rotation, in words. */
  readonly requestedBy: string;
}

/**
 * 1. No row yet: makes it and takes the lock in one transaction. The generation is the one after the last, and the
 *    rotation's id must follow from it, so an execution that was started twice, or late, cannot take a second one.
 * 2. A row of an earlier run: takes it over by bumping `run`; whatever the dead run still does is refused.
 * 3. Before a key is made: sees that the issuer has room for one. If not, the rotation ends `blocked` and names what
 *    is in the way; nothing is deleted to make room.
 * 4. Says which step the rotation's phase needs.
 *
 * Run twice, the second time finds the row of its own run and only repeats the answer and the unsent events.
 *
 * @throws InvalidInput for an unknown credential; Superseded when another rotation or run owns the credential.
 */
export async function begin(
  ports: BeginPorts,
  input: BeginInput,
): Promise<{ readonly next: NextStep | 'blocked' }> {
  const view = await ports.ledger.load(input.credentialId, input.rotationId);
  if (!view) {
    throw new InvalidInput(
      `credential "${input.credentialId}" is not registered: add it to keyturn.yaml and deploy again`,
    );
  }
  const state = await ownedState(ports, view, input);
  const { rotation } = await sent(ports, await withRoom(ports, state));
  return { next: rotation.phase === 'blocked' ? 'blocked' : nextStep(rotation) };
}

async function ownedState(ports: BeginPorts, view: LedgerView, input: BeginInput): Promise<TurnState> {
  const { credential, rotation, keys } = view;
  if (!rotation) return open(ports, view, input);
  if (rotation.epoch !== credential.epoch) {
    throw new Fenced(`${credential.id} is at epoch ${credential.epoch}, its rotation at ${rotation.epoch}`);
  }
  if (rotation.run > input.run) {
    throw new Superseded(`run ${input.run} of ${input.rotationId} was taken over by run ${rotation.run}`);
  }
  const state = { credential, rotation, keys };
  if (rotation.run === input.run) return state;
  return recordChange(ports, 'step begin', state, { name: 'takenOver', run: input.run }, {});
}

async function open(
  ports: BeginPorts,
  { credential, keys }: LedgerView,
  input: BeginInput,
): Promise<TurnState> {
  const generation = credential.lastGeneration + 1;
  if (credential.activeRotation || rotationIdOf(ports.digests, credential, generation) !== input.rotationId) {
    throw new Superseded(
      `rotation ${input.rotationId} is not the next one of ${credential.id}, which is at generation ${credential.lastGeneration}${credential.activeRotation ? ` and rotates in ${credential.activeRotation}` : ''}`,
    );
  }
  const now = ports.clock.now();
  checkMayBegin(credential, now);
  const kind = kindOf(credential, keys);
  const status: CredentialStatus = kind === 'retire' ? 'retiring' : 'rotating';
  const audit = chain(ports.digests, credential.auditHash, {
    credentialId: credential.id,
    seq: credential.auditSeq + 1,
    at: now,
    actor: input.requestedBy,
    what: 'rotationStarted',
    rotationId: input.rotationId,
    before: { status: credential.status, lastGeneration: credential.lastGeneration },
    after: { kind, status, lastGeneration: generation, activeRotation: input.rotationId },
  });
  const rotation: Rotation = {
    kind,
    ...firstPhase(kind, credential, now),
    credentialId: credential.id,
    rotationId: input.rotationId,
    generation,
    oldGeneration: credential.currentGeneration,
    epoch: credential.epoch,
    run: input.run,
    attempt: 0,
    requestedBy: input.requestedBy,
    startedAt: now,
    expectedBy: plus(now, expectedWithin(credential)),
    resumes: 0,
    lease: null,
    outbox: [
      {
        seq: audit.seq,
        hash: audit.hash,
        at: now,
        type: 'Rotation Started',
        detail: { rotationId: input.rotationId, generation, kind, requestedBy: input.requestedBy },
      },
    ],
    intent: null,
    condemned: null,
    token: null,
  };
  const locked = {
    ...credential,
    status,
    activeRotation: input.rotationId,
    lastGeneration: generation,
    dueAt: null,
    auditSeq: audit.seq,
    auditHash: audit.hash,
  };
  const { auditSeq, epoch } = credential;
  await ports.ledger.commit({ expected: { auditSeq, epoch }, credential: locked, rotation, audit });
  ports.metrics.count('RotationStarted');
  return { credential: locked, rotation, keys };
}

/**
 * A freeze may have begun since the start was decided: the credential stays due.
 * @throws Superseded
 */
function checkMayBegin(credential: Credential, now: Instant): void {
  const { id, pause } = credential;
  if (pause) throw new Superseded(`credential "${id}" was paused by ${pause.by} before its rotation began`);
  const opens = mayChangeAt(credential, now);
  if (opens <= now) return;
  throw new Superseded(
    `the window of credential "${id}" closed before its rotation began; it opens at ${opens}`,
  );
}

/** An adopted key is there already, and a retirement makes none: it begins where its last key is to drain. */
function firstPhase(
  kind: RotationKind,
  { declaration }: Credential,
  now: Instant,
): { readonly phase: 'issuing' | 'verifying' } | ({ readonly phase: 'grace' } & GraceFacts) {
  if (kind === 'retire') return { phase: 'grace', ...graceFrom(now, declaration.policy.grace.max) };
  return { phase: kind === 'adopt' ? 'verifying' : 'issuing' };
}
