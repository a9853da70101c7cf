/** What the definitions of the commands have in common. */
import { Argument, InvalidArgumentError, Option } from 'commander';
import { duration } from '../config/durations.ts';
import type { Seconds } from '../usage/instant.ts';
import type { Host } from './host.ts';
import type { ConnectStack } from './stack.ts';

/** What a command works with, once its arguments are read. */
export interface Surroundings {
  readonly host: Host;
  readonly connect: ConnectStack;
}

export interface StackOptions {
  readonly stack: string;
  readonly json?: boolean;
}

export const stackOption = (): Option =>
  new Option('--stack <name>', 'name of the deployed stack').env('KEYTURN_STACK').default('keyturn');

export const jsonOption = (): Option => new Option('--json', 'print one JSON object');

export const reasonOption = (): Option =>
  new Option('--reason <text>', 'why, for the audit trail').default('asked for at the command line');

export const oneCredential = (): Argument => new Argument('<credential>', 'id of a credential');

export const maybeCredential = (): Argument => new Argument('[credential]', 'id of a credential');

/** `7d`, `36h` as keyturn.yaml has them; undefined for anything else. */
export const secondsIn = (text: string): Seconds | undefined => duration.safeParse(text).data;

/** Reads the value of an option. @throws InvalidArgumentError unless it is 1, 2, 3 … */
export function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a whole number from 1 on');
}

/** The end of a command's help: what one types, and what it is good for. */
export function examples(...lines: readonly (readonly [command: string, what: string])[]): string {
  const longest = Math.max(...lines.map(([command]) => command.length));
  return ['', 'Examples:', ...lines.map(([command, what]) => `  ${command.padEnd(longest)}  ${what}`)].join(
    '\n',
  );
}
