/** Bundles every handler as the stack does, weighs it, and loads it in new processes. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { type EnvironmentField, writeEnvironment } from '../lib/config/environment.ts';
import { esbuildOptions } from '../lib/constructs/bundling.ts';
import { node, projectDirectory } from '../local/paths.ts';
import { median } from './median.ts';

export interface BundleFigures {
  /** File in `lambdas/`, without its ending. */
  readonly handler: string;
  readonly kib: number;
  /** Milliseconds from the first line to the loaded handler, median of several new processes. */
  readonly loadMs: number;
}

const loads = 7;

/** What a handler finds in its environment; none of it is called. */
const values: Readonly<Record<EnvironmentField, string>> = {
  table: 'ledger',
  bus: 'bus',
  stack: 'bench',
  auditBucket: 'audit',
  usageKeptDays: '30',
  stateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:rotation',
  kmsKeyArn: 'arn:aws:kms:us-east-1:000000000000:key/1',
  deadLetterQueueUrl: 'http://127.0.0.1/dead-letters',
  installationParameter: '/keyturn/bench/installation',
  mode: 'production',
};

const environment = {
  ...writeEnvironment(values),
  AWS_REGION: 'us-east-1',
  AWS_LAMBDA_FUNCTION_NAME: 'bench',
};

export async function benchBundles(progress: (text: string) => void): Promise<readonly BundleFigures[]> {
  const directory = await mkdtemp(join(tmpdir(), 'keyturn-bench-'));
  try {
    const names = (await readdir(join(projectDirectory, 'lambdas'))).filter((name) => name.endsWith('.ts'));
    const figures: BundleFigures[] = [];
    for (const name of names.sort()) {
      const handler = name.replace(/\.ts$/, '');
      const bundle = join(directory, `${handler}.mjs`);
      await build({
        ...esbuildOptions,
        absWorkingDir: projectDirectory,
        entryPoints: [join('lambdas', name)],
        outfile: bundle,
        logLevel: 'silent',
      });
      const kib = (await stat(bundle)).size / 1024;
      const loadMs = await loadTime(bundle);
      progress(`${handler}: ${kib.toFixed(0)} KiB, ${loadMs.toFixed(0)} ms`);
      figures.push({ handler, kib: rounded(kib), loadMs: rounded(loadMs) });
    }
    return figures;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Node's own start is Lambda's affair and not counted: the process times the import itself. */
async function loadTime(bundle: string): Promise<number> {
  const script = `const from = performance.now();
    const { handler } = await import(${JSON.stringify(pathToFileURL(bundle).href)});
    if (typeof handler !== 'function') throw new Error('the bundle exports no handler');
    console.log(performance.now() - from);`;
  const times: number[] = [];
  for (let load = 0; load < loads; load += 1) {
    const { stdout } = await run(node, ['--input-type=module', '--eval', script], { env: environment });
    times.push(Number(stdout.trim().split('\n').at(-1)));
  }
  return median(times);
}

const run = promisify(execFile);

const rounded = (value: number): number => Math.round(value * 10) / 10;
