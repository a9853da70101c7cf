/** Colours that repeat what the word says, for terminals; without them the output loses nothing. */
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const styleOf: Readonly<Record<string, Style>> = {
  active: 'green',
  completed: 'green',
  'on new': 'green',
  current: 'green',
  deployed: 'green',
  ok: 'green',
  rotating: 'yellow',
  both: 'yellow',
  'on old': 'yellow',
  retiring: 'yellow',
  missing: 'yellow',
  unknown: 'red',
  blocked: 'red',
  abandoned: 'red',
  failing: 'red',
  failed: 'red',
  wrong: 'red',
  drained: 'green',
  waiting: 'yellow',
  overdue: 'red',
  // A refused call in a chart.
  '×': 'red',
};

export type Paint = (word: string) => string;

const painted = (style: Style, word: string): string => styleText(style, word, { validateStream: false });

/** Everything that `paintIf` may add to a line. */
export const paintedWords: readonly string[] = Object.entries(styleOf).map(([word, style]) =>
  painted(style, word),
);

export const paintIf =
  (colour: boolean): Paint =>
  (word) => {
    const style = styleOf[word];
    return colour && style !== undefined ? painted(style, word) : word;
  };
