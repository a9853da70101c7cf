/** Children of the local cloud: started with their output in a log, and ended with everything they started themselves. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectDirectory } from './paths.ts';

/** `env` is the child's whole environment: nothing of the caller's own (profiles, proxies, real keys) gets in. */
export interface Command {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Hears what a Node child says with `process.send`; opens the channel for it. */
  readonly onMessage?: (message: unknown) => void;
}

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the child has ended, to its exit code or the signal that ended it; never rejects. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** SIGTERM to the child, then SIGKILL to what is left of its process group; safe to call again. */
  readonly stop: () => Promise<void>;
}

/** How long a child may take to leave by itself before its whole group is killed. */
const patienceMs = 8_000;

/**
 * The child leads a process group of its own: Ctrl-C in the terminal reaches only us, and `stop` can end
 * grandchildren by one id. Its stdin is a pipe, which closes even if we are killed.
 */
export async function startProcess(command: Command): Promise<RunningProcess> {
  const { name, logFile } = command;
  const child = spawnIntoLog(command);
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 1));
  });
  // a child that is gone makes the pipe fail; `ended` tells that already
  child.stdin?.on('error', () => undefined);
  await once(child, 'spawn').catch((cause: unknown) => {
    throw new Error(`${name}: cannot start ${command.command}`, { cause });
  });
  const pid = child.pid ?? 0;
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= endGroup(pid, ended);
    return stopping;
  };
  return { name, pid, logFile, ended, stop };
}

/** Runs a command to its end; `stopping` kills it, for it has nothing to save. A failure shows the log's last lines and says where it is. */
export async function runProcess(command: Command, stopping: AbortSignal): Promise<void> {
  stopping.throwIfAborted();
  const running = await startProcess(command);
  const kill = () => signal(-running.pid, 'SIGKILL');
  stopping.addEventListener('abort', kill, { once: true });
  const code = await running.ended;
  stopping.removeEventListener('abort', kill);
  stopping.throwIfAborted();
  if (code !== 0) throw await failure(running, `ended with ${code}`);
}

/** Polls until the child answers. A child that ends first, or takes too long, is stopped and reported. */
export async function waitUntilReady(
  running: RunningProcess,
  isReady: () => Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let code: number | NodeJS.Signals | undefined;
  void running.ended.then((value) => {
    code = value;
  });
  while (!(await isReady())) {
    if (code !== undefined) throw await failure(running, `ended with ${code} before it was ready`);
    if (Date.now() > deadline) {
      await running.stop();
      throw await failure(running, `was not ready after ${timeoutMs / 1000} s`);
    }
    await sleep(50);
  }
}

/** Whether a URL answers 2xx; nobody listening is a plain no. */
export async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

/** A port that was free a moment ago; whoever listens next on it may be faster, so callers try again. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1');
  return address.port;
}

/** Tries again on another port when the first was taken in between. */
export async function onFreePort<T>(attempt: (port: number) => Promise<T>, tries = 3): Promise<T> {
  try {
    return await attempt(await freePort());
  } catch (error) {
    const taken = error instanceof Error && /already in use|EADDRINUSE/.test(error.message);
    if (!taken || tries <= 1) throw error;
    return onFreePort(attempt, tries - 1);
  }
}

function spawnIntoLog({ command, args, env, logFile, onMessage }: Command): ChildProcess {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  try {
    const stdio: StdioOptions = ['pipe', log, log, ...(onMessage ? (['ipc'] as const) : [])];
    const child = spawn(command, args, { cwd: projectDirectory, env, detached: true, stdio });
    if (onMessage) child.on('message', onMessage);
    return child;
  } finally {
    closeSync(log);
  }
}

async function endGroup(pid: number, ended: RunningProcess['ended']): Promise<void> {
  signal(pid, 'SIGTERM');
  const timer = new AbortController();
  await Promise.race([ended, sleep(patienceMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
  signal(-pid, 'SIGKILL');
  await ended;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function failure({ name, logFile }: RunningProcess, what: string): Promise<Error> {
  const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-25);
  return new Error(`${name} ${what}; its last lines (all in ${logFile}):\n${lines.join('\n')}`);
}
