/** `keyturn pause`: no new rotation starts; what runs goes on to its end. */
import { type Command, Option } from 'commander';
import { pause } from '../../rotation/pause.ts';
import { printable } from '../format/printable.ts';
import type { Host } from '../host.ts';
import {
  examples,
  jsonOption,
  maybeCredential,
  reasonOption,
  type StackOptions,
  type Surroundings,
  stackOption,
} from '../options.ts';
import type { Stack } from '../stack.ts';
import { type Choice, checkChoice, chosenCredentials } from './chosen-credentials.ts';
import { concludeAll, type Failed, forEach } from './each.ts';

export const ownerOption = (): Option => new Option('--owner <name>', 'all credentials of this owner');
export const allOption = (): Option => new Option('--all', 'all credentials of the stack');

export interface ManyOptions extends StackOptions, Omit<Choice, 'credential'> {}

interface Options extends ManyOptions {
  readonly reason: string;
}

export function addPause(keyturn: Command, { host, connect }: Surroundings): void {
  keyturn
    .command('pause')
    .summary('Lets no new rotation start, until "keyturn resume".')
    .description(
      'Lets no new rotation start, until "keyturn resume". One that is under way goes on to its end; what also holds promoting and revoking is a "window" in keyturn.yaml.',
    )
    .addArgument(maybeCredential())
    .addOption(ownerOption())
    .addOption(allOption())
    .addOption(reasonOption())
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['keyturn pause npm-token --reason "release week"', 'one credential'],
        ['keyturn pause --owner billing', 'all of a team'],
        ['keyturn pause --all --reason "incident at the issuer"', 'the whole stack'],
      ),
    )
    .action(async (credential: string | undefined, { stack: name, reason, json, ...rest }: Options) => {
      const choice = { credential, ...rest };
      checkChoice(choice);
      await pauseAll(host, await connect(name), choice, { reason, json: json === true });
    });
}

interface Paused {
  readonly credential: string;
  readonly outcome: 'changed' | 'unchanged';
  /** Who has paused it first, and why. */
  readonly by: string | null;
  readonly reason: string | null;
  /** The rotation that goes on to its end. */
  readonly rotation: string | null;
}

async function pauseAll(
  host: Host,
  stack: Stack,
  choice: Choice,
  { reason, json }: { readonly reason: string; readonly json: boolean },
): Promise<void> {
  const credentials = await chosenCredentials(stack, choice);
  const by = await stack.caller();
  const results = await forEach(host, credentials, async ({ id }): Promise<Paused> => {
    const { changed, credential } = await pause(stack, { credentialId: id, by, reason });
    return {
      credential: id,
      outcome: changed ? 'changed' : 'unchanged',
      by: credential.pause?.by ?? null,
      reason: credential.pause?.reason ?? null,
      rotation: credential.activeRotation,
    };
  });
  if (json) host.out(JSON.stringify({ stack: stack.name, credentials: results }));
  else for (const result of results) host.out(printable(lineOf(result)));
  concludeAll(results);
}

function lineOf(result: Paused | Failed): string {
  const { credential } = result;
  if (result.outcome === 'failed') return `${credential}: failed: ${result.reason}`;
  const paused =
    result.outcome === 'changed' ? 'paused' : `paused already by ${result.by} (${result.reason})`;
  const goesOn = result.rotation ? `; rotation ${result.rotation} is under way and goes on to its end` : '';
  return `${credential}: ${paused}${goesOn}`;
}
