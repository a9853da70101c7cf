/** The demo's three consumers: how long each keeps the key, and what they have counted so far. */
import { AgentCounts, type AgentTask } from './agent-messages.ts';
import { type Cloud, childEnvironment } from './cloud.ts';
import { node } from './paths.ts';
import { startProcess } from './processes.ts';

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

export async function startAgents(
  cloud: Cloud,
  task: Omit<AgentTask, 'consumer' | 'cacheFor'>,
): Promise<readonly Agent[]> {
  const each = Object.entries(consumers);
  return Promise.all(each.map(([consumer, cacheFor]) => startAgent(cloud, { ...task, consumer, cacheFor })));
}

/** Its counts come over the IPC channel, which also tells it when we die. */
async function startAgent(cloud: Cloud, task: AgentTask): Promise<Agent> {
  let counts: AgentCounts = { calls: 0, refused: 0, failedReads: 0, generation: null };
  const agent = await startProcess({
    name: `consumer ${task.consumer}`,
    command: node,
    args: [entry, JSON.stringify(task)],
    env: { ...childEnvironment(cloud.directory), ...cloud.env },
    logFile: cloud.logFile,
    onMessage: (message) => {
      counts = AgentCounts.parse(message);
    },
  });
  let state: 'working' | 'stopping' | 'ended' = 'working';
  void agent.ended.then(() => {
    if (state === 'working') state = 'ended';
  });
  return {
    consumer: task.consumer,
    cacheFor: task.cacheFor,
    counts: () => {
      if (state !== 'ended') return counts;
      throw new Error(`consumer ${task.consumer} has ended by itself: see ${cloud.logFile}`);
    },
    stop: () => {
      state = 'stopping';
      return agent.stop();
    },
  };
}
