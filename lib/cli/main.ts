/** The command line: `main` reads the arguments, runs one command and returns the exit code. */
import { CommanderError } from 'commander';
import { failureOf } from './failure.ts';
import { printableLines } from './format/printable.ts';
import type { ExitCode, Host } from './host.ts';
import { program } from './program.ts';
import { type ConnectStack, connectStack } from './stack.ts';

/** @param argv the arguments alone, without node and script. */
export async function main(
  argv: readonly string[],
  host: Host,
  connect: ConnectStack = connectStack,
): Promise<ExitCode> {
  let printed = false;
  const heard: Host = {
    ...host,
    out: (line) => {
      printed = true;
      host.out(line);
    },
    err: (line) => host.err(printableLines(line)),
  };
  try {
    await program({ host: heard, connect }).parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    const { message, exitCode, told } = endOf(error);
    if (!told) heard.err(`keyturn: ${message}`);
    // A command that prints what it has found before it fails has said it all.
    if (exitCode !== 0 && !printed && argv.includes('--json')) host.out(JSON.stringify({ error: message }));
    return exitCode;
  }
}

interface End {
  readonly message: string;
  readonly exitCode: ExitCode;
  /** Whether it was said on stderr already. */
  readonly told: boolean;
}

function endOf(error: unknown): End {
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, '');
    return { message, exitCode: error.exitCode === 0 ? 0 : 2, told: true };
  }
  const { message, exitCode } = failureOf(error);
  return { message, exitCode, told: false };
}
