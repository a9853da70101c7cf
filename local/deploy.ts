/** Deploys a CDK app to the local cloud with the real CDK CLI, the way users deploy it to AWS. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { type Cloud, childEnvironment } from './cloud.ts';
import { cdk, endWithParent, node } from './paths.ts';
import { runProcess } from './processes.ts';

export interface DeployOptions {
  readonly context: Readonly<Record<string, string>>;
  /** The app's command line, from the project's folder. @default the one in cdk.json */
  readonly app?: string;
  /** Where the synthesized stacks go. @default a new folder in the cloud's directory */
  readonly outDir?: string;
}

/** Stack name → output name → value. */
export type Outputs = z.infer<typeof Outputs>;
const Outputs = z.record(z.string(), z.record(z.string(), z.string()));

/** Bootstraps (a second time changes nothing) and deploys every stack of the app. */
export async function deploy(cloud: Cloud, { context, app, outDir }: DeployOptions): Promise<Outputs> {
  const directory = await mkdtemp(join(cloud.directory, 'deploy-'));
  const output = outDir ?? join(directory, 'cdk.out');
  const outputsFile = join(directory, 'outputs.json');
  const common = [...(app === undefined ? [] : ['--app', app]), ...contextArguments(context), '--no-notices'];
  await runCdk(cloud, [
    'bootstrap',
    'aws://000000000000/us-east-1',
    '--output',
    `${output}.bootstrap`,
    ...common,
  ]);
  const deployAll = ['deploy', '--all', '--require-approval', 'never', '--progress', 'events'];
  await runCdk(cloud, [...deployAll, '--output', output, '--outputs-file', outputsFile, ...common]);
  return Outputs.parse(JSON.parse(await readFile(outputsFile, 'utf8')));
}

function contextArguments(context: DeployOptions['context']): readonly string[] {
  return Object.entries(context).flatMap(([key, value]) => ['--context', `${key}=${value}`]);
}

function runCdk(cloud: Cloud, args: readonly string[]): Promise<void> {
  return runProcess(
    {
      name: `cdk ${args[0]}`,
      command: node,
      args: ['--import', endWithParent, cdk, '--ci', '--no-color', ...args],
      env: {
        ...childEnvironment(cloud.directory),
        ...cloud.env,
        ...quiet,
        CDK_HOME: join(cloud.directory, 'cdk'),
      },
      logFile: cloud.logFile.replace(/(\.log)?$/, '-deploy.log'),
    },
    cloud.stopping,
  );
}

/** No telemetry, no look-ups of newer versions: a deploy talks to the local cloud only. */
const quiet = {
  CDK_DISABLE_CLI_TELEMETRY: 'true',
  CDK_DISABLE_VERSION_CHECK: 'true',
  CI: 'true',
  NODE_OPTIONS: '--no-deprecation',
};
