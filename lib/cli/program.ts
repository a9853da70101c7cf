/** The tree of commands: help, completion scripts and the reference in docs/cli.md are all made from it. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addCompletion } from './commands/completion.ts';
import { addDecide } from './commands/decide.ts';
import { addDoctor } from './commands/doctor.ts';
import { addDrain } from './commands/drain.ts';
import { addHistory } from './commands/history.ts';
import { addIssuers } from './commands/issuers.ts';
import { addPause } from './commands/pause.ts';
import { addPlan } from './commands/plan.ts';
import { addResume } from './commands/resume.ts';
import { addRotate } from './commands/rotate.ts';
import { addStatus } from './commands/status.ts';
import { addUsage } from './commands/usage.ts';
import { addValidate } from './commands/validate.ts';
import { examples, type Surroundings } from './options.ts';

export function program(around: Surroundings): Command {
  const { host } = around;
  const keyturn = new Command('keyturn')
    .description('Shows and rotates the API keys that a deployed keyturn looks after.')
    .version(version(), '--version', 'print the version')
    .exitOverride()
    .configureHelp({ helpWidth: host.width ?? 100 })
    .configureOutput({
      writeOut: (text) => host.out(text.trimEnd()),
      writeErr: (text) => host.err(text.trimEnd()),
    })
    .addHelpText('after', help);
  for (const add of commands) add(keyturn, around);
  return keyturn;
}

/** Of the package that this file is in. */
function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { readonly version: unknown }).version);
}

/** In the order in which somebody new needs them. */
const commands = [
  addValidate,
  addStatus,
  addPlan,
  addRotate,
  addDrain,
  addDecide,
  addUsage,
  addPause,
  addResume,
  addHistory,
  addIssuers,
  addDoctor,
  addCompletion,
] as const;

const help = `${examples(
  ['keyturn validate', 'what is wrong in keyturn.yaml'],
  ['keyturn status', 'all credentials of stack "keyturn"'],
  ['keyturn plan npm-token', 'what its next rotation will do, and when'],
  ['keyturn rotate npm-token --wait', 'rotate it now, and wait for the end'],
  ['keyturn drain npm-token', 'who still calls with the old key'],
  ['keyturn doctor --stack prod', 'what is missing in another stack'],
)}

Account, region and credentials come from the environment, as with the AWS CLI.

Exit codes:
  0  done
  1  refused, failed, no such credential, or something is wrong
  2  wrong usage, or no keyturn is deployed there

With --json, stdout has one JSON object; without a result it is {"error": "…"}.`;
