/** The command line: `main` reads the arguments, runs one command and returns the exit code. */
import { CommanderError } from 'commander';
import { failureOf } from './failure.ts';
import type { ExitCode, Host } from './host.ts';
import { program } from './program.ts';
import { type ConnectStack, connectStack } from './stack.ts';

/** @param argv the arguments alone, without node and script. */
export async function main(
  argv: readonly string[],
  host: Host,
  connect: ConnectStack = connectStack,
): Promise<ExitCode> {
  try {
    await program({ host, connect }).parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { message, exitCode } = failureOf(error);
    host.err(`keyturn: ${message}`);
    return exitCode;
  }
}
