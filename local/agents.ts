/** The demo's three consumers: how long each keeps the key, what they have counted so far, and how to restart one. */
import { AgentCounts, type AgentTask } from './agent-messages.ts';
import { type CallLog, callLog } from './call-log.ts';
import { type Cloud, childEnvironment } from './cloud.ts';
import { node } from './paths.ts';
import { type RunningProcess, startProcess } from './processes.ts';

/** Longer than any demo: the most that `keyturn/client` keeps a key. */
const forItsLife = 3600;

/** Seconds for which each consumer of the example keeps the key. */
const consumers = { builder: 0, mirror: 5, dashboard: forItsLife } as const;

export interface Agent {
  readonly consumer: string;
  readonly cacheFor: number;
  /** Whether it reads the key again by itself; one that does not goes over to a new key only by a restart. */
  readonly letsGo: boolean;
  /** Of all its processes together. @throws Error when one has ended without being asked to. */
  readonly counts: () => AgentCounts;
  readonly log: Pick<CallLog, 'series'>;
  /** Ends its process, which says goodbye, and starts another. Does nothing while one restarts, or after `stop`. */
  readonly restart: () => Promise<void>;
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

type State = 'working' | 'restarting' | 'stopping' | 'ended';

async function startAgent(cloud: Cloud, task: AgentTask): Promise<Agent> {
  const log = callLog();
  /** The newest counts of each of its processes: the last ones of an ended process may come late. */
  const counts: AgentCounts[] = [];
  let state: State = 'working';

  const start = async (): Promise<RunningProcess> => {
    const note = log.ofProcess();
    const index = counts.push(nothing) - 1;
    const started = await startConsumer(cloud, task, (newest) => {
      counts[index] = newest;
      note(newest, Date.now());
    });
    void started.ended.then(() => {
      if (state === 'working') state = 'ended';
    });
    return started;
  };

  const startAgain = async (old: RunningProcess): Promise<RunningProcess> => {
    await old.stop();
    if (state !== 'restarting') return old;
    state = 'working';
    return start();
  };

  let running = Promise.resolve(await start());
  return {
    consumer: task.consumer,
    cacheFor: task.cacheFor,
    letsGo: task.cacheFor < forItsLife,
    log,
    counts: () => {
      if (state !== 'ended') return counts.reduce(together, nothing);
      throw new Error(`consumer ${task.consumer} has ended by itself: see ${cloud.logFile}`);
    },
    restart: async () => {
      if (state !== 'working') return;
      state = 'restarting';
      running = running.then(startAgain);
      await running;
    },
    stop: async () => {
      state = 'stopping';
      await (await running).stop();
    },
  };
}

/** Its counts come over the IPC channel, which also tells it when we die. */
function startConsumer(
  cloud: Cloud,
  task: AgentTask,
  heard: (counts: AgentCounts) => void,
): Promise<RunningProcess> {
  return startProcess({
    name: `consumer ${task.consumer}`,
    command: node,
    args: [entry, JSON.stringify(task)],
    env: { ...childEnvironment(cloud.directory), ...cloud.env },
    logFile: cloud.logFile,
    onMessage: (message) => heard(AgentCounts.parse(message)),
  });
}

const nothing: AgentCounts = { calls: 0, refused: 0, failedReads: 0, generation: null, byGeneration: {} };

/** What two processes of one consumer have counted, one after the other. */
function together(before: AgentCounts, after: AgentCounts): AgentCounts {
  const byGeneration = { ...before.byGeneration };
  for (const [generation, { calls, refused }] of Object.entries(after.byGeneration)) {
    const known = byGeneration[generation] ?? { calls: 0, refused: 0 };
    byGeneration[generation] = { calls: known.calls + calls, refused: known.refused + refused };
  }
  return {
    calls: before.calls + after.calls,
    refused: before.refused + after.refused,
    failedReads: before.failedReads + after.failedReads,
    generation: after.generation,
    byGeneration,
  };
}
