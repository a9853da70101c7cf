/** `keyturn drain <credential>`: who still calls with the old key, drawn by the minute, and what the silence proves. */
import type { Command } from 'commander';
import { Failure } from '../failure.ts';
import { drainDetail } from '../format/drain-detail.ts';
import {
  examples,
  jsonOption,
  oneCredential,
  type StackOptions,
  type Surroundings,
  stackOption,
  wholeNumber,
} from '../options.ts';
import { drainStanding } from './drain-standing.ts';

interface Options extends StackOptions {
  readonly minutes: number;
}

/** A day: by then the days of "keyturn usage" tell more. */
const mostMinutes = 1_440;

/** Of a line where nobody says how wide the terminal is. */
const defaultWidth = 100;

export function addDrain(keyturn: Command, { host, connect }: Surroundings): void {
  keyturn
    .command('drain')
    .summary('Who still calls with the old key, drawn by the minute.')
    .description(
      'Draws the calls per minute with the old and the new key by consumer, and says what holds the old one. The verdict is as of now and by reports alone: the issuer, where it says when keys are used, is asked by the workflow only, whose last look is shown too.',
    )
    .addArgument(oneCredential())
    .option('--minutes <number>', `how far back, at most ${mostMinutes}`, wholeNumber, 60)
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['keyturn drain npm-token', 'the last hour'],
        ['keyturn drain npm-token --minutes 720', 'the last twelve hours'],
        ['keyturn drain npm-token --json', 'the same for programs'],
      ),
    )
    .action(async (credential: string, { stack: name, minutes, json = false }: Options) => {
      if (minutes > mostMinutes)
        throw new Failure(`--minutes is ${minutes}: expected ${mostMinutes} at most`, 2);
      const stack = await connect(name);
      const standing = await drainStanding(stack, credential, minutes);
      if (json) return host.out(JSON.stringify({ stack: name, ...standing }));
      const { width = defaultWidth, colour } = host;
      for (const line of drainDetail(standing, { width, colour })) host.out(line);
    });
}
