/** The demo's three consumers: how long each keeps the key, and what they have counted so far. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentCounts, type AgentTask } from './agent-messages.ts';
import { type Cloud, childEnvironment } from './cloud.ts';
import { node, projectDirectory } from './paths.ts';

/** Seconds for which each consumer of the example keeps the key. */
const consumers = { builder: 0, mirror: 5, nightly: 15 } as const;

export interface Agent {
  readonly consumer: string;
  readonly cacheFor: number;
  /** @throws Error when its process has ended without being asked to. */
  readonly counts: () => AgentCounts;
  /** Lets it say goodbye; safe to call again. */
  readonly stop: () => Promise<void>;
}

const entry = 'local/agent.ts';
const patienceMs = 8_000;

export function startAgents(cloud: Cloud, task: Omit<AgentTask, 'consumer' | 'cacheFor'>): readonly Agent[] {
  return Object.entries(consumers).map(([consumer, cacheFor]) =>
    startAgent(cloud, { ...task, consumer, cacheFor }),
  );
}

/**
 * Its counts come over the IPC channel, which also tells it when we die. It leads a process group of its own, so
 * that Ctrl-C in the terminal reaches only us, and it can say goodbye while the cloud still runs.
 */
function startAgent(cloud: Cloud, task: AgentTask): Agent {
  const log = openSync(cloud.logFile, 'a');
  const child = spawn(node, [entry, JSON.stringify(task)], {
    cwd: projectDirectory,
    env: { ...childEnvironment(cloud.directory), ...cloud.env },
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  let counts: AgentCounts = { calls: 0, refused: 0, failedReads: 0, generation: null };
  child.on('message', (message) => {
    counts = AgentCounts.parse(message);
  });
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      hasEnded = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  let stopping = false;
  const stop = async () => {
    stopping = true;
    child.kill('SIGTERM');
    const timer = new AbortController();
    await Promise.race([ended, sleep(patienceMs, undefined, timer).catch(() => undefined)]);
    timer.abort();
    child.kill('SIGKILL');
    await ended;
  };
  return {
    consumer: task.consumer,
    cacheFor: task.cacheFor,
    counts: () => {
      if (!hasEnded || stopping) return counts;
      throw new Error(`consumer ${task.consumer} has ended by itself: see ${cloud.logFile}`);
    },
    stop,
  };
}
