/** The local cloud: AWS in one process on loopback, the same for `npm start` and for the cloud tests. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { binDirectory, launcher, newLogFile, python } from './paths.ts';
import { answers, onFreePort, type RunningProcess, startProcess, waitUntilReady } from './processes.ts';

export interface CloudOptions {
  /** Corrections to leave out, by the names that `launcher.py --list` prints. */
  readonly without?: readonly string[];
  /** @default a new file under `.local/logs` */
  readonly logFile?: string;
}

export interface Cloud {
  readonly endpoint: string;
  /** What AWS clients and the CDK CLI need to talk to this cloud, and to nothing else. */
  readonly env: Readonly<Record<string, string>>;
  /** Private to this run and TMPDIR of all its children; gone after `stop`. */
  readonly directory: string;
  readonly logFile: string;
  /** A line of JSON for each call that a policy was asked about: principal, action, resource, allowed. */
  readonly callsFile: string;
  /** Aborted when `stop` is called, so that work under way ends too. */
  readonly stopping: AbortSignal;
  /** Ends the emulator with all its workers and removes the directory; safe to call again, also at the same time. */
  readonly stop: () => Promise<void>;
}

export async function startCloud({
  without = [],
  logFile = newLogFile('cloud'),
}: CloudOptions = {}): Promise<Cloud> {
  requirePython();
  const directory = await mkdtemp(join(tmpdir(), 'keyturn-'));
  try {
    const { port, emulator } = await onFreePort((port) =>
      startEmulator({ port, directory, without, logFile }),
    );
    return runningCloud(`http://127.0.0.1:${port}`, directory, emulator);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** The little that any child needs of the machine; nothing else is passed on. */
export function childEnvironment(directory: string): Readonly<Record<string, string>> {
  const { PATH = '' } = process.env;
  return {
    PATH: [binDirectory, PATH].join(delimiter),
    TMPDIR: directory,
    HOME: directory,
    LANG: 'C.UTF-8',
  };
}

function requirePython(): void {
  if (existsSync(python)) return;
  throw new Error(`the local cloud is not installed (no ${python}): run node local/start.mjs --install`);
}

const callsFileIn = (directory: string): string => join(directory, 'calls.jsonl');

interface EmulatorOptions {
  readonly port: number;
  readonly directory: string;
  readonly without: readonly string[];
  readonly logFile: string;
}

async function startEmulator({ port, directory, without, logFile }: EmulatorOptions) {
  const emulator = await startProcess({
    name: 'local cloud',
    command: python,
    args: [
      launcher,
      '--until-stdin-closes',
      '--calls',
      callsFileIn(directory),
      ...without.flatMap((name) => ['--without', name]),
    ],
    env: emulatorEnvironment(port, directory),
    logFile,
  });
  await waitUntilReady(emulator, () => answers(`http://127.0.0.1:${port}/_ministack/health`));
  return { port, emulator };
}

/** Without AWS_ENDPOINT_URL: the emulator gives its Lambdas its own address only when it has none to inherit. */
function emulatorEnvironment(port: number, directory: string): Readonly<Record<string, string>> {
  return {
    ...childEnvironment(directory),
    GATEWAY_PORT: String(port),
    BIND_HOST: '127.0.0.1',
    MINISTACK_HOST: 'localhost',
    MINISTACK_REGION: 'us-east-1',
    AUTH: 'true',
    LAMBDA_EXECUTOR: 'local',
    SFN_WAIT_SCALE: '1',
    STATE_DIR: join(directory, 'state'),
    S3_DATA_DIR: join(directory, 's3'),
    NODE_OPTIONS: '--no-deprecation',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUNBUFFERED: '1',
  };
}

function runningCloud(endpoint: string, directory: string, emulator: RunningProcess): Cloud {
  const stopping = new AbortController();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopping.abort(new Error('the local cloud was stopped'));
    stopped ??= emulator.stop().then(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
    return stopped;
  };
  const { logFile } = emulator;
  return {
    endpoint,
    env: clientEnvironment(endpoint, directory),
    directory,
    logFile,
    callsFile: callsFileIn(directory),
    stopping: stopping.signal,
    stop,
  };
}

/** The files named here do not exist: a person's own profiles and keys must never be picked up by mistake. */
function clientEnvironment(endpoint: string, directory: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: join(directory, 'no-aws-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(directory, 'no-aws-credentials'),
  };
}
