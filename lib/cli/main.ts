/** The command line: `main` reads the arguments, runs one command and returns the exit code. */
import { Argument, Command, CommanderError, Option } from 'commander';
import { rotate } from './commands/rotate.ts';
import { statusOfAll, statusOfOne } from './commands/status.ts';
import { failureOf } from './failure.ts';
import type { ExitCode, Host } from './host.ts';
import { type ConnectStack, connectStack } from './stack.ts';

/** @param argv the arguments alone, without node and script. */
export async function main(
  argv: readonly string[],
  host: Host,
  connect: ConnectStack = connectStack,
): Promise<ExitCode> {
  try {
    await program(host, connect).parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { message, exitCode } = failureOf(error);
    host.err(`keyturn: ${message}`);
    return exitCode;
  }
}

function program(host: Host, connect: ConnectStack): Command {
  const keyturn = new Command('keyturn')
    .description('Shows and rotates the API keys that a deployed keyturn looks after.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.out(text.trimEnd()),
      writeErr: (text) => host.err(text.trimEnd()),
    })
    .addHelpText('after', help);
  addStatus(keyturn, host, connect);
  addRotate(keyturn, host, connect);
  return keyturn;
}

function addStatus(keyturn: Command, host: Host, connect: ConnectStack): void {
  keyturn
    .command('status')
    .description('Where all credentials stand, or everything about one.')
    .addArgument(new Argument('[credential]', 'id of a credential'))
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(async (credential: string | undefined, { stack: name, json = false }: Options) => {
      const stack = await connect(name);
      if (credential === undefined) await statusOfAll(host, stack, { json });
      else await statusOfOne(host, stack, credential, { json });
    });
}

function addRotate(keyturn: Command, host: Host, connect: ConnectStack): void {
  keyturn
    .command('rotate')
    .description('Asks for a rotation of one credential now.')
    .addArgument(new Argument('<credential>', 'id of a credential'))
    .option('--reason <text>', 'why, for the audit trail', 'asked for at the command line')
    .option('--wait', 'follow the rotation to its end')
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(
      async (credential: string, { stack: name, reason, json = false, wait = false }: RotateOptions) => {
        await rotate(host, await connect(name), { credential, reason }, { json, wait });
      },
    );
}

interface Options {
  readonly stack: string;
  readonly json?: boolean;
}

interface RotateOptions extends Options {
  readonly reason: string;
  readonly wait?: boolean;
}

const stackOption = (): Option =>
  new Option('--stack <name>', 'name of the deployed stack').env('KEYTURN_STACK').default('keyturn');

const jsonOption = (): Option => new Option('--json', 'print one JSON object');

const help = `
Examples:
  keyturn status                                   all credentials of stack "keyturn"
  keyturn status npm-token                         keys, rotation and consumers of one
  keyturn rotate npm-token --reason "laptop lost"  rotate it now
  keyturn rotate npm-token --wait --json           ... and wait for the end

Account, region and credentials come from the environment, as with the AWS CLI.

Exit codes:
  0  done
  1  refused, failed, or no such credential
  2  wrong usage, or no keyturn is deployed there`;
