/** The parts of what the CLI tells of one thing: facts by name, and headlines with what is under them. */
import { printable } from './printable.ts';

/** A headline and what is under it; nothing at all when there is nothing. */
export const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];

/** One line for each fact that there is. */
export function pairs(all: readonly (readonly [string, string | null])[]): readonly string[] {
  const told = all.flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
  return told.map(({ name, value }) => `${name.padEnd(11)} ${printable(value)}`);
}
