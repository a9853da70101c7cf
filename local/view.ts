/** What the demo shows while it runs, on stderr: lines that stay, and below them, in a terminal, a few that change. */
import { stripVTControlCharacters } from 'node:util';
import type { Paper } from '../lib/cli/format/drain-chart.ts';

export interface View {
  /** A line that stays. */
  say(line: string): void;
  /** Runs a long part under a title, with the time it takes. */
  during<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** The lines that change; without a terminal they are written again every ten seconds. */
  foot(lines: readonly string[]): void;
  /** What fits on a line of the foot. */
  paper(): Paper;
}

interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  hasColors?(): boolean;
  write(text: string): unknown;
}

export const viewOn = (stream: Terminal): View =>
  withDuring(
    stream.isTTY === true ? terminalLines(stream) : plainLines(stream),
    stream.isTTY === true ? 200 : 10_000,
  );

type Lines = Omit<View, 'during'>;

/** The foot is erased before a line is written, and drawn again below it. */
function terminalLines(stream: Terminal): Lines {
  let drawn: readonly string[] = [];
  const erase = () => (drawn.length > 0 ? `\x1b[${drawn.length}A\x1b[J` : '');
  const draw = (lines: readonly string[]) => lines.map((line) => `${cut(line, stream.columns)}\n`).join('');
  return {
    say: (line) => void stream.write(`${erase()}${line}\n${draw(drawn)}`),
    foot: (lines) => {
      const fitting = lines.slice(0, rowsOf(stream) - 1);
      stream.write(`${erase()}${draw(fitting)}`);
      drawn = fitting;
    },
    paper: () => ({ width: roomOn(stream.columns) - 1, colour: stream.hasColors?.() ?? false }),
  };
}

const usualRoom = 80;

/** Some terminals say that they have no columns. */
const roomOn = (columns = 0): number => (columns > 0 ? columns : usualRoom);

const usualRows = 24;

/** A foot that is higher than the terminal could not be erased. */
const rowsOf = ({ rows = 0 }: Terminal): number => (rows > 0 ? rows : usualRows);

/** A line that wraps could not be erased. */
function cut(line: string, columns: number | undefined): string {
  const room = roomOn(columns);
  const plain = stripVTControlCharacters(line);
  return plain.length < room ? line : `${plain.slice(0, room - 2)}…`;
}

const repeatEvery = 10_000;

function plainLines(stream: Terminal): Lines {
  let writtenAt = 0;
  const say = (line: string) => void stream.write(`${line}\n`);
  return {
    say,
    foot: (lines) => {
      if (Date.now() - writtenAt < repeatEvery) return;
      writtenAt = Date.now();
      for (const line of lines) say(line);
    },
    paper: () => ({ width: usualRoom, colour: false }),
  };
}

function withDuring(lines: Lines, everyMs: number): View {
  return {
    ...lines,
    during: async (title, work) => {
      const startedAt = Date.now();
      const elapsed = () => `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
      const timer = setInterval(() => lines.foot([`  ${title} … ${elapsed()}`]), everyMs);
      try {
        const result = await work();
        clear(lines, timer);
        lines.say(`✔ ${title} (${elapsed()})`);
        return result;
      } catch (error) {
        clear(lines, timer);
        lines.say(`✘ ${title} (${elapsed()})`);
        throw error;
      }
    },
  };
}

function clear(lines: Lines, timer: NodeJS.Timeout): void {
  clearInterval(timer);
  lines.foot([]);
}
