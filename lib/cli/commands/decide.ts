/** `keyturn decide <credential> <choice>`: an owner says what becomes of an old key that should have left. */
import { Argument, type Command } from 'commander';
import { type Decided, type DecideInput, decide } from '../../rotation/decide.ts';
import { StepBusy } from '../../rotation/errors.ts';
import type { LedgerView } from '../../rotation/ports.ts';
import { type Choice, choices, graceFacts, type Rotation } from '../../rotation/rotation.ts';
import { plus, type Seconds } from '../../usage/instant.ts';
import { span } from '../../usage/span.ts';
import { Failure } from '../failure.ts';
import { questionWords } from '../format/decision-words.ts';
import { printable } from '../format/printable.ts';
import type { Host } from '../host.ts';
import {
  examples,
  jsonOption,
  oneCredential,
  type StackOptions,
  type Surroundings,
  secondsIn,
  stackOption,
  wholeNumber,
} from '../options.ts';
import type { Stack } from '../stack.ts';
import { knownCredential } from './known-credential.ts';
import { choicesIn, generationsIn } from './open-decision.ts';

interface Options extends StackOptions {
  readonly question?: number;
  readonly rotation?: string;
  readonly yes?: boolean;
}

export function addDecide(keyturn: Command, { host, connect }: Surroundings): void {
  keyturn
    .command('decide')
    .summary('Says what becomes of an old key that should have left.')
    .description(
      'Answers the question that the owner of an overdue key is asked; it can be decided before, too. The answer is an audited record of the ledger, in your name.',
    )
    .addArgument(oneCredential())
    .addArgument(new Argument('<choice>', 'what becomes of it').choices(choices))
    .argument('[duration]', 'with extend: how much longer, from the deadline or from now')
    .option('--question <number>', 'refuse if this one is not open any more', wholeNumber)
    .option('--rotation <id>', 'refuse if this one is not under way any more')
    .option('--yes', 'revoke or roll back without being asked once more')
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `${examples(
        ['keyturn decide npm-token extend 24h', 'wait another day for who holds it'],
        ['keyturn decide npm-token revoke --yes', 'end it now, whoever still uses it'],
        ['keyturn decide npm-token roll-back', 'go back to the old key; the new one drains'],
      )}

Choices:
  extend     both keys stay alive for longer; a key that is disabled for a trial is enabled
  revoke     the key that is to end is revoked without proof: who still uses it is cut off
  roll-back  consumers get the old key again, if its issuer still accepts it; nobody is cut off`,
    )
    .action(async (credential: string, choice: Choice, duration: string | undefined, options: Options) => {
      const seconds = secondsFor(choice, duration);
      const { stack: name, json = false, ...rest } = options;
      const asked = { credential, choice, ...(seconds !== undefined && { seconds }), ...rest };
      await decideOn(host, await connect(name), asked, json);
    });
}

interface Asked extends Omit<Options, keyof StackOptions> {
  readonly credential: string;
  readonly choice: Choice;
  readonly seconds?: Seconds;
}

function secondsFor(choice: Choice, duration: string | undefined): Seconds | undefined {
  if (choice !== 'extend') {
    if (duration === undefined) return undefined;
    throw new Failure(`${choice} takes no duration, so what does ${JSON.stringify(duration)} mean?`, 2);
  }
  if (duration === undefined) throw new Failure('extend by how much: say a duration such as 24h', 2);
  const seconds = secondsIn(duration);
  if (seconds === undefined)
    throw new Failure(`${JSON.stringify(duration)} is no duration: expected one such as 30m, 24h or 3d`, 2);
  return seconds;
}

async function decideOn(host: Host, stack: Stack, asked: Asked, json: boolean): Promise<void> {
  const { credential, choice, seconds } = asked;
  const say = (line: string): void => (json ? host.err : host.out)(printable(line));
  const view = await underWay(stack, credential);
  const question = asked.question ?? tellQuestion(stack, view, say);
  await confirm(host, view, asked);
  const by = await stack.caller();
  const input = {
    credentialId: credential,
    choice,
    by,
    ...(seconds !== undefined && { seconds }),
    ...(question !== undefined && { question }),
    // Questions are numbered anew in each rotation.
    rotationId: asked.rotation ?? view.rotation.rotationId,
  };
  const decided = await patiently(host, stack, input);
  const told = { credential, choice, ...(seconds !== undefined && { seconds }), by, ...decided };
  if (json) return host.out(JSON.stringify({ stack: stack.name, ...told }));
  say(outcomeWords(asked, decided));
}

type ViewUnderWay = Pick<LedgerView, 'keys'> & { readonly rotation: Rotation };

/** @throws Failure when there is no such credential, or nothing to decide on it. */
async function underWay(stack: Stack, id: string): Promise<ViewUnderWay> {
  const { activeRotation } = (await knownCredential(stack, id)).credential;
  const view = activeRotation ? await stack.ledger.load(id, activeRotation) : undefined;
  if (view?.rotation) return { rotation: view.rotation, keys: view.keys };
  throw new Failure(`credential "${id}" is not rotating, so there is nothing to decide`);
}

/** @returns the number of the open question: the answer to another one than what was shown here is refused. */
function tellQuestion(
  { clock }: Stack,
  { rotation }: ViewUnderWay,
  say: (line: string) => void,
): number | undefined {
  const facts = graceFacts(rotation);
  if (!facts) return undefined;
  const { question, verdict, deadline } = facts;
  const now = clock.now();
  say(
    question
      ? `question ${questionWords(question, now)}`
      : `no question is open; the deadline is ${deadline}`,
  );
  if (verdict) say(`${verdict.outcome} at the last look: ${verdict.reason}`);
  return question?.number;
}

/** @throws Failure when nobody says yes to what cannot be taken back. */
async function confirm(
  host: Host,
  { rotation, keys }: ViewUnderWay,
  { choice, rotation: asked = rotation.rotationId, yes = false }: Asked,
): Promise<void> {
  const facts = graceFacts(rotation);
  if (yes || !facts || choice === 'extend') return;
  // Elsewhere it is refused, so there is nothing to say yes to.
  if (asked !== rotation.rotationId || !choicesIn(rotation, facts).includes(choice)) return;
  if (!host.confirm)
    throw new Failure(`${choice} wants to be confirmed, and nobody is at a terminal: say it with --yes`, 2);
  const { leaving, staying } = generationsIn(rotation, facts);
  const { keyId = '' } = keys.findLast(({ generation }) => generation === leaving) ?? {};
  const holders = facts.verdict?.heldBy.join(', ');
  const whatFollows = {
    revoke: `Revoke key ${keyId} (generation ${leaving}) without proof? Who still uses it is cut off${holders ? `: ${holders}` : ''}.`,
    'roll-back': `Go back to generation ${leaving}? Consumers read it again, and generation ${staying} is to end.`,
  };
  if (!(await host.confirm(printable(whatFollows[choice])))) throw new Failure('nothing was decided');
}

/** How long a step that is at work may take; the steps that can be in the way need seconds. */
const patience: Seconds = 60;
const tryEvery: Seconds = 2;
/** Of the lease: nobody kills a command line, but it may be closed. */
const longestTurn: Seconds = 30;

/** @throws Failure while a step keeps the rotation to itself. */
async function patiently(host: Host, stack: Stack, input: DecideInput): Promise<Decided> {
  const until = plus(stack.clock.now(), patience);
  for (let told = false; ; told = true) {
    try {
      return await decide({ ...stack, invocation: invocationOf(stack) }, input);
    } catch (error) {
      if (!(error instanceof StepBusy)) throw error;
      if (stack.clock.now() >= until) throw busy(input, error);
      if (!told) host.err(`a step is at work on "${input.credentialId}": waiting for it`);
      await stack.clock.sleep(tryEvery);
    }
  }
}

const busy = ({ credentialId }: DecideInput, cause: unknown): Failure =>
  new Failure(
    `nothing was decided: a step has been at work on "${credentialId}" for ${patience} s, see "keyturn status ${credentialId}" and try again`,
    1,
    { cause },
  );

const invocationOf = ({ digests, clock }: Stack) => ({
  requestId: digests.randomUuid(),
  deadline: plus(clock.now(), longestTurn),
});

function outcomeWords(
  { credential, choice, seconds }: Asked,
  { rotationId, question, woken }: Decided,
): string {
  const how = seconds === undefined ? '' : ` by ${span(seconds)}`;
  const answer = question > 0 ? ` (question ${question})` : '';
  const next = woken
    ? `rotation ${rotationId} goes on`
    : `the next run of rotation ${rotationId} goes on from it`;
  return `decided: ${choice}${how}${answer}; ${next}, see "keyturn drain ${credential}"`;
}
