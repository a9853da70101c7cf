/** Text from elsewhere (issuers, reports, whoever gave a reason) as a terminal may have it: it can command nothing. */
import { paintedWords } from './colour.ts';

/** Control characters, ends of lines, and what turns the direction of writing round. */
const commands = '[\\p{Cc}\\p{Zl}\\p{Zp}\\u202a-\\u202e\\u2066-\\u2069]';

const ours = paintedWords.map((word) => word.replaceAll('[', '\\[')).join('|');

const oursOrCommands = new RegExp(`(${ours})|${commands}`, 'gu');

/** One line: a space for each command, but for the words that keyturn itself has painted. */
export const printable = (text: string): string =>
  text.replace(oursOrCommands, (_found, painted?: string) => painted ?? ' ');

/** The same for a text of several lines. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');
