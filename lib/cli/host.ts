/** What the CLI needs of the process that it runs in; tests give it a host that remembers. */
import { createInterface } from 'node:readline/promises';

export interface Host {
  /** A line of what was asked for: stdout. */
  out(line: string): void;
  /** A line about it, such as progress or an error: stderr. */
  err(line: string): void;
  /** Whether `out` goes to a terminal that shows colours. */
  readonly colour: boolean;
  /** Characters that a line of help may have. @default 100 */
  readonly width?: number;
  /** Asks whoever is at the terminal, by yes or no; absent where nobody is. */
  readonly confirm?: (question: string) => Promise<boolean>;
}

/** 0 done · 1 refused or failed · 2 wrong usage, or nothing is deployed there. */
export type ExitCode = 0 | 1 | 2;

export const processHost: Host = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  colour: process.stdout.isTTY === true && process.stdout.hasColors(),
  ...(process.stdout.columns !== undefined && { width: process.stdout.columns }),
  ...(process.stdin.isTTY === true && process.stderr.isTTY === true && { confirm }),
};

/** On stderr, so that stdout stays what was asked for. An end of input is a no. */
async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((resolve) => void terminal.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), ended]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
