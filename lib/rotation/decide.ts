/** Decide: an owner says what becomes of a key that should have left. */
import type { Seconds } from '../usage/instant.ts';
import { DecisionStale, InvalidInput } from './errors.ts';
import type { Ports } from './ports.ts';
import { startNextRun } from './resume-rotation.ts';
import { type Choice, type Decision, graceFacts, isOnTrial, type Phase, type Rotation } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurnAs } from './turn.ts';
import { idsOf, leavingKey } from './turn-state.ts';

type DecidePorts = TurnPorts & Pick<Ports, 'executions'>;

export interface DecideInput {
  readonly credentialId: string;
  readonly choice: Choice;
  /** How long to wait; needed with `extend`, at least a second and at most 30 days. */
  readonly seconds?: Seconds;
  /** The question that is answered: it must be open still. @default the open one, or none */
  readonly question?: number;
  /** The rotation that was looked at: it must be the one under way. @default whichever is */
  readonly rotationId?: string;
  /** Who decides, as AWS names the caller. */
  readonly by: string;
}

export interface Decided {
  readonly rotationId: string;
  readonly question: number;
  /** Whether an execution waited for it; if not, the rotation's next run was started. */
  readonly woken: boolean;
}

/** Seconds: as the longest grace. */
const longestExtension: Seconds = 30 * 86_400;

/**
 * Writes the decision, audited, under the rotation's lease; then wakes the execution that waits for it. Where none
 * waits, since nobody was asked yet or a step sleeps, the next run is started and goes on from what is written.
 *
 * `extend` counts from the deadline or from now, whichever is later; it brings a key back that is disabled for a trial,
 * and keeps it for so long. `revoke` asks for no proof and ends a trial. `roll-back` returns to the old key, and the new one leaves as the old one would
 * have.
 *
 * Run twice, the second decision is one of its own, or, where the first has yet to be carried out, only wakes again. With
 * `question` it is refused when that has been answered.
 *
 * @throws InvalidInput when there is nothing to decide, or not so; DecisionStale; StepBusy while a step is at work.
 */
export async function decide(ports: DecidePorts, input: DecideInput): Promise<Decided> {
  const rotation = await underWay(ports, input.credentialId);
  const { rotationId } = rotation;
  if (input.rotationId !== undefined && input.rotationId !== rotationId) {
    throw new DecisionStale(
      `rotation ${input.rotationId} of credential "${input.credentialId}" is not under way any more, ${rotationId} is: look again, then decide`,
    );
  }
  const decided = await takeTurnAs(ports, input.by, rotation, async (turn) => {
    const { token } = turn.rotation;
    return { token, question: await record(ports, turn, input) };
  });
  const woken = decided.token !== null && (await ports.executions.wake(decided.token));
  if (!woken) await startNextRun(ports, rotation);
  return { rotationId, question: decided.question, woken };
}

async function underWay({ ledger }: DecidePorts, credentialId: string): Promise<Rotation> {
  const { credential } = (await ledger.load(credentialId)) ?? {};
  if (!credential) throw new InvalidInput(`credential "${credentialId}" is not registered`);
  const { activeRotation } = credential;
  const rotation = activeRotation && (await ledger.load(credentialId, activeRotation))?.rotation;
  if (rotation) return rotation;
  throw new InvalidInput(`credential "${credentialId}" is not rotating, so there is nothing to decide`);
}

/** @returns the number of the question that was answered; 0 when none was open. */
async function record({ clock }: DecidePorts, turn: Turn, input: DecideInput): Promise<number> {
  const { choice, seconds, by } = input;
  const facts = graceFacts(turn.rotation);
  if (facts && stands(turn.rotation, input)) return facts.decision?.question ?? 0;
  const key = leavingKey(turn);
  const why = facts && key ? whyNot(turn, input) : 'no old key waits for its end';
  if (why !== undefined || !facts || !key)
    throw new InvalidInput(`credential "${turn.credential.id}" cannot be decided on: ${why}`);
  const open = facts.question?.number;
  if (input.question !== undefined && input.question !== open) {
    const now = open === undefined ? 'none is open now' : `question ${open} is`;
    throw new DecisionStale(
      `question ${input.question} of credential "${turn.credential.id}" is not open any more, ${now}: look again, then decide`,
    );
  }
  const question = open ?? 0;
  const decision: Decision = {
    choice,
    ...(choice === 'extend' && { seconds: seconds ?? 0 }),
    question,
    by,
    at: clock.now(),
  };
  await turn.record({ name: 'decided', decision, key: idsOf(key), disables: false });
  return question;
}

/** Decided before, but its execution may never have heard of it: the same answer again only wakes. */
const stands = (rotation: Rotation, { choice }: DecideInput): boolean =>
  phaseOf[choice] === rotation.phase && graceFacts(rotation)?.decision?.choice === choice;

/** Where a decision leads that an execution is to carry out. */
const phaseOf: Readonly<Record<Choice, Phase>> = {
  extend: 'enabling',
  revoke: 'revoking',
  'roll-back': 'rolling-back',
};

/** What stands against the choice, in words; undefined when nothing does. */
function whyNot({ rotation }: Turn, { choice, seconds = 0 }: DecideInput): string | undefined {
  if (choice === 'extend' && !(seconds >= 1 && seconds <= longestExtension))
    return `an extension of ${seconds} s is not between 1 s and 30 d`;
  const isOut = isOnTrial(rotation) || rotation.phase === 'enabling';
  if (isOut && choice === 'roll-back')
    return 'its old key is disabled for a trial; "extend" enables it and keeps it, then it can be rolled back';
  if (rotation.phase !== 'grace' && !isOut)
    return `its rotation is ${rotation.phase}, where nothing is left to be decided`;
  if (choice !== 'roll-back') return undefined;
  if (rotation.kind === 'retire') return 'it retires, so there is no key to go back to: declare it again';
  return graceFacts(rotation)?.leaving === 'new'
    ? 'it was rolled back already; ask for a rotation when this one has ended'
    : undefined;
}
