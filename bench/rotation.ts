/** Counts what one rotation costs: the synthesized state machine with the real adapters, on a clock that jumps. */
import { executionNameOf, rotationIdOf } from '../lib/rotation/ids.ts';
import type { RotationRef } from '../lib/rotation/ports.ts';
import { type GraceFacts, graceFacts } from '../lib/rotation/rotation.ts';
import { type Instant, secondsBetween } from '../lib/usage/instant.ts';
import type { Cloud } from '../local/cloud.ts';
import { testDigests } from '../test/fakes/test-digests.ts';
import type { States } from '../test/support/asl/definition.ts';
import { invokeOn } from '../test/support/asl/invoke.ts';
import { type Execution, type MachineOptions, runMachine } from '../test/support/asl/run-machine.ts';
import { type Timeline, timelineOn } from '../test/support/asl/timeline.ts';
import { aDeclaration } from '../test/support/builders.ts';
import { type Bill, billOf, countAnchors, countInvocation, countMachine } from './bill.ts';
import { aCloudWorld, type CloudWorld } from './cloud-world.ts';
import type { MemoryOf } from './memory.ts';
import { requestsOf } from './meter.ts';

export interface RotationFigures extends Bill {
  readonly transitions: number;
  readonly historyEvents: number;
  readonly drainChecks: number;
}

const hour = 3600;

/** The preset `kubernetes`. */
const healthyGrace = { min: hour, max: 4 * hour, quiet: 900 };

export const worstGraceDays = 30;
const worstGrace = { min: hour, max: worstGraceDays * 24 * hour, quiet: 900 };

/** What runs, and with how much memory. */
export interface Synthesized {
  readonly machine: States;
  readonly memoryOf: MemoryOf;
}

/** Old keys in use at the first look, out of use at the second. */
export const healthyRotation = (cloud: Cloud, stack: Synthesized): Promise<RotationFigures> =>
  rotation(cloud, stack, 'healthy', healthyGrace, ({ checks }) => checks > 0);

/** The old key stays in use for as long as it may, so that there are as many looks as there can be. */
export const worstRotation = (cloud: Cloud, stack: Synthesized): Promise<RotationFigures> =>
  rotation(cloud, stack, 'worst', worstGrace, ({ deadline }, now) => now >= deadline);

async function rotation(
  cloud: Cloud,
  stack: Synthesized,
  name: string,
  grace: typeof healthyGrace,
  hasMoved: HasMoved,
): Promise<RotationFigures> {
  const { policy, secret } = aDeclaration();
  const declaration = {
    policy: { ...policy, grace },
    secret: { ...secret, name: `keyturn/bench/${name}` },
    targets: ['copy'],
  };
  const world = await aCloudWorld(cloud, { declaration });
  try {
    await run(world, stack, () => true);
    world.twins.clock.advance(24 * hour);
    world.meter.reset();
    const { execution, facts } = await run(world, stack, hasMoved);
    countMachine(world.meter, execution);
    countAnchors(world.meter, stack.memoryOf);
    const { transitions, events } = execution;
    return {
      transitions,
      historyEvents: events.length,
      drainChecks: facts.checks,
      ...billOf(world.meter.used),
    };
  } finally {
    await world.stop();
  }
}

/** Whether the consumer has the new key by now. */
type HasMoved = (facts: GraceFacts, now: Instant) => boolean;

/** One execution from its start to its completed rotation, with a consumer that moves when it is told to. */
async function run(world: CloudWorld, { machine, memoryOf }: Synthesized, hasMoved: HasMoved) {
  const { twins, report } = world;
  const { clock, credentialId } = twins;
  const timeline = timelineOn(clock);
  const seen = async (rotationId: string) => {
    const view = await world.ledger.load(credentialId, rotationId);
    return { credential: view?.credential, facts: view?.rotation && graceFacts(view.rotation) };
  };
  const ref = await nextRotation(world);
  const old = (await seen(ref.rotationId)).credential?.currentVersionId;
  let oldUsed = clock.now();
  const afterWait = async (): Promise<void> => {
    const { credential, facts } = await seen(ref.rotationId);
    const current = credential?.currentVersionId ?? '';
    const moved = !old || !facts || hasMoved(facts, clock.now());
    if (!moved) oldUsed = clock.now();
    const holds = moved ? current : old;
    await report({ holds: [holds], lastUse: { ...(old && { [old]: oldUsed }), [holds]: clock.now() } });
  };
  const ended: Execution[] = [];
  timeline.begin(async () => {
    const input = { ...ref, requestedBy: 'schedule' };
    const execution = { name: executionNameOf(ref.rotationId, ref.run), input };
    const invoke = metered(world, timeline, memoryOf);
    ended.push(await runMachine(machine, { timeline, execution, invoke, afterWait }));
  });
  await timeline.run();
  const [execution] = ended;
  const { facts } = await seen(ref.rotationId);
  if (execution?.status !== 'SUCCEEDED' || !facts)
    throw new Error(
      `the bench's rotation has ended with ${execution?.error}: see what changed in the workflow`,
    );
  return { execution, facts };
}

async function nextRotation({ twins, ledger }: CloudWorld): Promise<RotationRef> {
  const view = await ledger.load(twins.credentialId);
  if (!view) throw new Error(`credential ${twins.credentialId} is not in the ledger on the local cloud`);
  const { credential } = view;
  const rotationId = rotationIdOf(testDigests(), credential, credential.lastGeneration + 1);
  return { credentialId: credential.id, rotationId, run: 1 };
}

/** Calls a step's function and counts the invocation: its own seconds, and what its requests would take. */
function metered(
  { meter, ports, issuerCalls }: CloudWorld,
  timeline: Timeline,
  memoryOf: MemoryOf,
): MachineOptions['invoke'] {
  const call = invokeOn(timeline, ({ timeout }) => ports(timeout));
  return async (functionName, payload) => {
    const from = { at: timeline.now(), requests: requestsOf(meter), calls: issuerCalls() };
    const answer = await call(functionName, payload);
    const slept = secondsBetween(from.at, timeline.now());
    countInvocation(meter, {
      begins: 'cold',
      slept,
      requests: requestsOf(meter) - from.requests,
      issuerCalls: issuerCalls() - from.calls,
      memoryGb: memoryOf(functionName),
    });
    return answer;
  };
}
