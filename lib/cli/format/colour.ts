/** Colours that repeat what the word says, for terminals; without them the output loses nothing. */
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const styleOf: Readonly<Record<string, Style>> = {
  active: 'green',
  completed: 'green',
  'on new': 'green',
  current: 'green',
  rotating: 'yellow',
  both: 'yellow',
  'on old': 'yellow',
  unknown: 'red',
  blocked: 'red',
  abandoned: 'red',
};

export type Paint = (word: string) => string;

export const paintIf =
  (colour: boolean): Paint =>
  (word) => {
    const style = styleOf[word];
    return colour && style !== undefined ? styleText(style, word, { validateStream: false }) : word;
  };
