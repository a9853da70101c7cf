/** Registers many credentials: a process of its own, as the handler is, against the local cloud, and its figures. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import { writeEnvironment } from '../lib/config/environment.ts';
import type { Registration } from '../lib/rotation/register-credentials.ts';
import type { Cloud } from '../local/cloud.ts';
import { node, projectDirectory } from '../local/paths.ts';
import { aDeclaration } from '../test/support/builders.ts';
import { aCloudTable } from '../test/support/cloud-table.ts';
import { cloudConfig } from './cloud-config.ts';

/** What the process says of itself in its last line. */
const saidSchema = z.object({
  counts: z.record(z.string(), z.int()),
  seconds: z.number(),
  /** Largest resident set, so with Node itself. */
  peakMiB: z.number(),
});

export type Registered = z.output<typeof saidSchema>;

export interface RegisterFigures {
  readonly credentials: number;
  readonly seconds: number;
  readonly peakMiB: number;
}

export async function benchRegister(cloud: Cloud, credentials: number): Promise<RegisterFigures> {
  const { table } = await aCloudTable(cloudConfig(cloud));
  const { counts, seconds, peakMiB } = await register(cloud, table, manyCredentials(credentials));
  if (counts['added'] !== credentials)
    throw new Error(`${counts['added']} of ${credentials} credentials were registered`);
  return { credentials, seconds, peakMiB };
}

/** Each its own, as if keyturn.yaml had been read. */
export function manyCredentials(count: number): Registration {
  const credentials = Object.fromEntries(
    Array.from({ length: count }, (_, index) => {
      const name = `keyturn/bench/agent-${index}`;
      const { secret, ...declaration } = aDeclaration();
      return [`agent-${index}`, { ...declaration, secret: { ...secret, name } }];
    }),
  );
  return {
    issuers: { openai: { type: 'http' } },
    targets: {},
    accounts: {},
    prefixes: ['keyturn/'],
    credentials,
  };
}

/** @throws with what the process wrote when it fails. */
export async function register(cloud: Cloud, table: string, registration: Registration): Promise<Registered> {
  const file = join(cloud.directory, `${table}.json`);
  await writeFile(file, JSON.stringify(registration));
  const { stdout } = await run(node, ['bench/register-process.ts', file], {
    cwd: projectDirectory,
    env: { ...cloud.env, ...writeEnvironment({ table }), POWERTOOLS_LOG_LEVEL: 'SILENT' },
  });
  return saidSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
}

const run = promisify(execFile);
