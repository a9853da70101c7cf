/** What the demo shows while it runs, on stderr: lines that stay, and below them, in a terminal, a few that change. */
import { stripVTControlCharacters } from 'node:util';

export interface View {
  /** A line that stays. */
  say(line: string): void;
  /** Runs a long part under a title, with the time it takes. */
  during<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** The lines that change; without a terminal they are written again every ten seconds. */
  foot(lines: readonly string[]): void;
}

interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
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
      stream.write(`${erase()}${draw(lines)}`);
      drawn = lines;
    },
  };
}

/** A line that wraps could not be erased. Some terminals say that they have no columns. */
function cut(line: string, columns = 0): string {
  const room = columns > 0 ? columns : 80;
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
