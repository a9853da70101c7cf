/** Times the registration of many credentials: a process of its own, as the handler is, against the local cloud. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as z from 'zod';
import { writeEnvironment } from '../lib/config/environment.ts';
import type { Cloud } from '../local/cloud.ts';
import { node, projectDirectory } from '../local/paths.ts';
import { aCloudTable } from '../test/support/cloud-table.ts';
import { cloudConfig } from './cloud-config.ts';

/** What the process says of itself in its last line. */
const figures = z.object({
  credentials: z.int(),
  seconds: z.number(),
  /** Largest resident set, so with Node itself. */
  peakMiB: z.number(),
});

export type RegisterFigures = z.output<typeof figures>;

export async function benchRegister(cloud: Cloud, credentials: number): Promise<RegisterFigures> {
  const { table } = await aCloudTable(cloudConfig(cloud));
  const { stdout } = await run(node, ['bench/register-process.ts', String(credentials)], {
    cwd: projectDirectory,
    env: { ...cloud.env, ...writeEnvironment({ table }), POWERTOOLS_LOG_LEVEL: 'SILENT' },
  });
  return figures.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
}

const run = promisify(execFile);
