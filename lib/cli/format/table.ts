/** Columns for people: aligned, two spaces apart, nothing cut, so that a line can be searched and copied. */
import { stripVTControlCharacters } from 'node:util';
import { printable } from './printable.ts';

export function table(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const lines = [header, ...rows].map((cells) => cells.map(printable));
  const widths = header.map((_, column) => Math.max(...lines.map((cells) => width(cells[column] ?? ''))));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => pad(cell, widths[column] ?? 0)).join('  ');
  return lines.map((cells) => line(cells).trimEnd());
}

/** As the terminal shows it: colours take no room. */
const width = (cell: string): number => stripVTControlCharacters(cell).length;

const pad = (cell: string, to: number): string => cell + ' '.repeat(Math.max(0, to - width(cell)));
