/** `keyturn rotate <credential>`: asks for a rotation by event, as any tool would, and tells what became of it. */
import type { Command } from 'commander';
import type { StartAnswer } from '../../rotation/ports.ts';
import type { Rotation } from '../../rotation/rotation.ts';
import { decideStart } from '../../rotation/start-rotation.ts';
import { type Instant, plus, type Seconds } from '../../usage/instant.ts';
import { span } from '../../usage/span.ts';
import { rotateRequested } from '../../workflow/events.ts';
import { Failure } from '../failure.ts';
import { printable } from '../format/printable.ts';
import type { Host } from '../host.ts';
import {
  examples,
  jsonOption,
  oneCredential,
  reasonOption,
  type StackOptions,
  type Surroundings,
  stackOption,
} from '../options.ts';
import type { Stack } from '../stack.ts';
import { sweepPatience } from '../sweep-patience.ts';
import { knownCredential } from './known-credential.ts';
import { outlookOf } from './outlook.ts';
import { planFor, tellPlan } from './plan.ts';
import { type RotationLine, rotationLine } from './standing.ts';
import { waitsFor } from './waits-for.ts';

export function addRotate(keyturn: Command, { host, connect }: Surroundings): void {
  keyturn
    .command('rotate')
    .description('Asks for a rotation of one credential now.')
    .addArgument(oneCredential())
    .addOption(reasonOption())
    .option('--wait', 'follow the rotation to its end')
    .option('--dry-run', 'show what it would do, and start nothing')
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['keyturn rotate npm-token --reason "laptop lost"', 'ask for it, and say why'],
        ['keyturn rotate npm-token --dry-run', 'the plan, if it were asked for now'],
        ['keyturn rotate npm-token --wait --json', 'wait for the end; exit code 1 unless it completes'],
      ),
    )
    .action(async (credential: string, { stack: name, reason, json, wait, dryRun }: Options) => {
      const stack = await connect(name);
      if (dryRun) await rehearse(host, stack, credential, json === true);
      else await rotate(host, stack, { credential, reason }, { json: json === true, wait: wait === true });
    });
}

interface Options extends StackOptions {
  readonly reason: string;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

interface RotateRequest {
  readonly credential: string;
  readonly reason: string;
}

interface RotateOptions {
  readonly json: boolean;
  /** Follow the rotation to its end. */
  readonly wait: boolean;
}

/** How long the request, and then the execution, may take to show up in the ledger. */
const patience: Seconds = 60;
const askEvery: Seconds = 0.5;
const lookEvery: Seconds = 1;

/** What `start-rotation` would answer, and what would come of it. @throws Failure when it would refuse. */
async function rehearse(host: Host, stack: Stack, credential: string, json: boolean): Promise<void> {
  await knownCredential(stack, credential);
  const answer = await decideStart(stack, credential);
  if (answer.outcome === 'rejected')
    throw new Failure(`rotation of "${credential}" would be refused: ${answer.reason}`);
  tellPlan(host, await planFor(outlookOf(stack), credential, true), json);
}

/** @throws Failure when the request is refused, when nobody answers, or when the rotation does not complete. */
async function rotate(
  host: Host,
  stack: Stack,
  request: RotateRequest,
  { json, wait }: RotateOptions,
): Promise<void> {
  await check(stack, request);
  const { credential } = request;
  const requestId = await stack.ask(request);
  const answer = await answerTo(stack, requestId);
  const told = { requestId, credential, ...answer };
  if (answer.outcome === 'rejected') {
    if (json) host.out(JSON.stringify(told));
    throw new Failure(`rotation of "${credential}" was refused: ${answer.reason}`);
  }
  const { rotationId } = answer;
  if (!json) host.out(`rotation ${rotationId} of "${credential}" was asked for`);
  const say = json ? host.err : host.out;
  const end = wait ? await follow(stack, { credential, rotationId }, say) : undefined;
  if (json) host.out(JSON.stringify({ ...told, ...end }));
  if (end) conclude(end, say);
}

function conclude({ rotationId, phase, reason, seconds }: RotationLine, say: (text: string) => void): void {
  if (phase !== 'completed') throw new Failure(`rotation ${rotationId} was ${phase}: ${reason}`);
  say(`completed after ${span(seconds ?? 0)}`);
}

async function check(stack: Stack, request: RotateRequest): Promise<void> {
  const { error } = rotateRequested.detail.safeParse({ schemaVersion: 1, ...request });
  const mistakes = error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
  if (mistakes.length > 0) throw new Failure(`this cannot be asked for: ${mistakes.join('; ')}`, 2);
  await knownCredential(stack, request.credential);
}

/** @throws Failure when start-rotation has not answered in time; it may still do so later. */
export async function answerTo({ requests, clock }: Stack, requestId: string): Promise<StartAnswer> {
  const until = plus(clock.now(), patience);
  while (clock.now() < until) {
    const answer = (await requests.find(requestId))?.answer;
    if (answer) return answer;
    await clock.sleep(askEvery);
  }
  throw new Failure(
    `nobody picked up request ${requestId} in ${patience} s: look at the log of the start-rotation function and at the dead-letter queue before you ask again`,
  );
}

/** Tells each phase as it comes. @returns the rotation's end. */
async function follow(
  stack: Stack,
  { credential, rotationId }: { readonly credential: string; readonly rotationId: string },
  say: (text: string) => void,
): Promise<RotationLine> {
  const begunBy = plus(stack.clock.now(), patience);
  let told = '';
  for (;;) {
    const view = await stack.ledger.load(credential, rotationId);
    const now = stack.clock.now();
    if (view?.rotation && 'endedAt' in view.rotation) return rotationLine(view.rotation);
    if (isLost(view?.rotation, begunBy, now)) throw lost(credential, rotationId);
    const text =
      view?.rotation && `${view.rotation.phase}: waits for ${waitsFor(view.credential, view.rotation, now)}`;
    if (text && text !== told) say(printable(text));
    told = text ?? told;
    await stack.clock.sleep(lookEvery);
  }
}

/** The sweep gives a rotation whose execution has died a new one, so it is lost only when that has not helped. */
const isLost = (rotation: Rotation | undefined, begunBy: Instant, now: Instant): boolean =>
  (rotation ? plus(rotation.expectedBy, sweepPatience) : begunBy) < now;

const lost = (credential: string, rotationId: string): Failure =>
  new Failure(
    `rotation ${rotationId} is not heard of any more: look at its execution in Step Functions, and at "keyturn status ${credential}"`,
  );
