/** `keyturn plan [credential]`: what the next rotation will do, who has to do something, and by when. */
import type { Command } from 'commander';
import { type PlannedStep, planOf } from '../../rotation/plan.ts';
import { type PlannedStart, plannedStart } from '../../rotation/plan-start.ts';
import type { LedgerView } from '../../rotation/ports.ts';
import type { RotationKind } from '../../rotation/rotation.ts';
import { kindOf } from '../../rotation/rotation-kind.ts';
import type { Instant } from '../../usage/instant.ts';
import { planList, planTable } from '../format/plan-table.ts';
import type { Host } from '../host.ts';
import {
  examples,
  jsonOption,
  maybeCredential,
  type StackOptions,
  type Surroundings,
  stackOption,
} from '../options.ts';
import { type Outlook, outlookOf, outlookWith } from './outlook.ts';

/** What a plan was made from. */
interface PlannedAgainst {
  readonly stack: string;
  /** When there is no stack to compare with. */
  readonly assumed?: 'new';
}

/** The plan of one credential. */
interface PlanDetail extends PlannedAgainst {
  readonly credential: string;
  readonly steps: readonly PlannedStep[];
}

/** One credential in the plan of all. */
export interface PlanLine extends PlannedStart {
  readonly credential: string;
  readonly kind: RotationKind;
}

interface Options extends StackOptions {
  readonly file?: string;
}

export function addPlan(keyturn: Command, { host, connect }: Surroundings): void {
  keyturn
    .command('plan')
    .description('What the next rotation will do, who has to act, and by when.')
    .addArgument(maybeCredential())
    .option('--file <path>', 'as if this keyturn.yaml were deployed now; without a deployed stack, as new')
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['keyturn plan', 'when each credential rotates next, and why then'],
        ['keyturn plan npm-token', 'every step of its next rotation'],
        ['keyturn plan npm-token --file keyturn.yaml', 'the same, after the next deploy'],
      ),
    )
    .action(async (credential: string | undefined, { stack: name, file, json = false }: Options) => {
      const outlook =
        file === undefined
          ? outlookOf(await connect(name))
          : await outlookWith(file, name, { host, connect });
      if (credential === undefined) await tellAll(host, outlook, json);
      else tellPlan(host, await planFor(outlook, credential, false), json);
    });
}

async function tellAll(host: Host, outlook: Outlook, json: boolean): Promise<void> {
  const lines = (await outlook.views()).map((view) => lineOf(view, outlook.now)).sort(byStart);
  if (json) host.out(JSON.stringify({ ...plannedAgainst(outlook), credentials: lines }));
  else for (const line of planList(lines, outlook.now)) host.out(line);
}

/** @param asked whether somebody asks for it now, instead of waiting for the schedule. */
export async function planFor(outlook: Outlook, id: string, asked: boolean): Promise<PlanDetail> {
  const { credential, keys } = await outlook.view(id);
  const capabilities = await outlook.capabilities(credential.declaration.issuer);
  const steps = planOf({ credential, keys, capabilities, now: outlook.now, asked });
  return { ...plannedAgainst(outlook), credential: id, steps };
}

const plannedAgainst = ({ stack, assumed }: Outlook): PlannedAgainst => ({
  stack,
  ...(assumed && { assumed }),
});

export function tellPlan(host: Host, plan: PlanDetail, json: boolean): void {
  if (json) host.out(JSON.stringify(plan));
  else for (const line of planTable(plan.steps)) host.out(line);
}

function lineOf({ credential, keys }: LedgerView, now: Instant): PlanLine {
  const start = plannedStart(credential, keys, now, false);
  return { credential: credential.id, kind: kindOf(credential, keys), ...start };
}

/** What nobody can tell yet comes last. */
const byStart = (a: PlanLine, b: PlanLine): number => ((a.at ?? '~') < (b.at ?? '~') ? -1 : 1);
