/** `keyturn resume`: takes a pause back, and gives a rotation whose execution has died a new one. */
import type { Command } from 'commander';
import type { Credential } from '../../rotation/credential.ts';
import { unpause } from '../../rotation/pause.ts';
import { resumeRotation } from '../../rotation/resume-rotation.ts';
import { printable } from '../format/printable.ts';
import type { Host } from '../host.ts';
import { examples, jsonOption, maybeCredential, type Surroundings, stackOption } from '../options.ts';
import type { Stack } from '../stack.ts';
import { type Choice, checkChoice, chosenCredentials } from './chosen-credentials.ts';
import { concludeAll, type Failed, forEach } from './each.ts';
import { allOption, type ManyOptions, ownerOption } from './pause.ts';

export function addResume(keyturn: Command, { host, connect }: Surroundings): void {
  keyturn
    .command('resume')
    .summary('Takes a pause back, and mends a rotation whose execution has died.')
    .description(
      'Takes a pause back, so that what is due starts; and gives a rotation whose execution has died a new one.',
    )
    .addArgument(maybeCredential())
    .addOption(ownerOption())
    .addOption(allOption())
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(['keyturn resume npm-token', 'one credential'], ['keyturn resume --all', 'the whole stack']),
    )
    .action(async (credential: string | undefined, { stack: name, json, ...rest }: ManyOptions) => {
      const choice = { credential, ...rest };
      checkChoice(choice);
      await resumeAll(host, await connect(name), choice, json === true);
    });
}

interface Resumed {
  readonly credential: string;
  readonly outcome: 'changed' | 'unchanged';
  /** Whether a pause was taken back. */
  readonly unpaused: boolean;
  readonly rotation: { readonly rotationId: string; readonly outcome: 'resumed' | 'runs' } | null;
  readonly dueAt: string | null;
}

async function resumeAll(host: Host, stack: Stack, choice: Choice, json: boolean): Promise<void> {
  const credentials = await chosenCredentials(stack, choice);
  const by = await stack.caller();
  const results = await forEach(host, credentials, ({ id }) => resumeOne(stack, id, by));
  if (json) host.out(JSON.stringify({ stack: stack.name, credentials: results }));
  else for (const result of results) host.out(printable(lineOf(result)));
  concludeAll(results);
}

async function resumeOne(stack: Stack, credentialId: string, by: string): Promise<Resumed> {
  const { changed: unpaused, credential } = await unpause(stack, { credentialId, by });
  const rotation = await resumeRun(stack, credential);
  const changed = unpaused || rotation?.outcome === 'resumed';
  return {
    credential: credentialId,
    outcome: changed ? 'changed' : 'unchanged',
    unpaused,
    rotation,
    dueAt: credential.dueAt,
  };
}

async function resumeRun(stack: Stack, { id, activeRotation }: Credential): Promise<Resumed['rotation']> {
  if (!activeRotation) return null;
  const rotation = (await stack.ledger.load(id, activeRotation))?.rotation;
  if (!rotation || 'endedAt' in rotation) return null;
  const { outcome } = await resumeRotation(stack, rotation);
  return { rotationId: activeRotation, outcome };
}

function lineOf(result: Resumed | Failed): string {
  const { credential } = result;
  if (result.outcome === 'failed') return `${credential}: failed: ${result.reason}`;
  const { unpaused, rotation, dueAt } = result;
  const pause = unpaused ? 'resumed' : 'was not paused';
  if (rotation?.outcome === 'resumed')
    return `${credential}: ${pause}; the execution of rotation ${rotation.rotationId} had died, and a new one goes on`;
  if (rotation) return `${credential}: ${pause}; rotation ${rotation.rotationId} is under way`;
  return `${credential}: ${pause}${dueAt ? `; due at ${dueAt}` : ''}`;
}
