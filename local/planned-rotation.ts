/** The demo's story, once everything is up: a first token, consumers at work, and the token rotated under them. */
import { answerTo } from '../lib/cli/commands/rotate.ts';
import type { Credential } from '../lib/rotation/credential.ts';
import { type Agent, startAgents } from './agents.ts';
import { consumerView } from './consumer-view.ts';
import { isAccepted, isRefused, keyValue } from './outside.ts';
import { type DemoReport, reportOf } from './report.ts';
import { type RestartWhenHeld, restartWhenHeld } from './restart-when-held.ts';
import { pause, waitUntil } from './wait-until.ts';
import { watchRotation } from './watch.ts';
import { privatePackage, type Run, type World } from './world.ts';

/** The consumers work so long before the rotation, and so long after its end. */
const secondsBefore = 5;
const secondsAfter = 3;

export interface Rotated {
  /** What was measured, and nothing else. */
  readonly report: DemoReport;
  /** The demo's part in rotations that come after. */
  readonly restart: RestartWhenHeld;
}

export async function rotateWhileInUse(run: Run, world: World): Promise<Rotated> {
  const { registry, example, stack, secrets } = world;
  const { view, signal } = run;
  const before = await view.during('wait for the first token, which the sweep issues', () =>
    firstKey(world, signal),
  );
  const oldKey = await keyValue(secrets, example, before.currentVersionId);
  if (!(await isAccepted(registry, example, oldKey))) throw new Error('the registry refuses the first token');

  view.say('three consumers start');
  const agents = await workingAgents(run, world);
  await untilPresent(world, agents, signal);
  const show = consumerView(view, agents);
  await showFor(secondsBefore, show, signal);

  view.say('Rotate Requested goes on the bus');
  const request = { credential: example.credentialId, reason: 'the demo asks for it' };
  const answer = await answerTo(stack, await stack.ask(request));
  if (answer.outcome === 'rejected') throw new Error(`the rotation was refused: ${answer.reason}`);
  const restart = restartWhenHeld(view, agents);
  const { rotation, execution, verdicts } = await watchRotation(
    run,
    world,
    async (current) => {
      show();
      await restart(current);
    },
    answer.rotationId,
  );
  await showFor(secondsAfter, show, signal);

  const after = await stack.ledger.load(example.credentialId);
  const newKey = await keyValue(secrets, example, after?.credential.currentVersionId ?? null);
  const report = reportOf({
    rotation,
    history: execution.history,
    verdicts,
    oldKey: after?.keys.find(({ versionId }) => versionId === before.currentVersionId),
    agents: agents.map(({ counts }) => counts()),
    newKeyAccepted: await isAccepted(registry, example, newKey),
    oldKeyRefused: await isRefused(registry, oldKey),
  });
  return { report, restart };
}

/** @throws Error that says why, as soon as the first rotation is given up. */
async function firstKey({ stack, example }: World, signal: AbortSignal): Promise<Credential> {
  const look = async (): Promise<Credential | undefined> => {
    const { credential } = (await stack.ledger.load(example.credentialId)) ?? {};
    if (credential?.status === 'active') return credential;
    const [last] = await stack.ledger.rotations(example.credentialId);
    if (last && 'reason' in last) throw new Error(`the first rotation is ${last.phase}: ${last.reason}`);
    return undefined;
  };
  return waitUntil(look, { what: 'the first token was not issued', seconds: 150, signal });
}

async function workingAgents(
  { clean }: Run,
  { cloud, registry, example, addresses }: World,
): Promise<readonly Agent[]> {
  const agents = await startAgents(cloud, {
    credentialId: example.credentialId,
    secretId: example.declaration.secret.name,
    queueUrl: addresses['usage-queue'],
    reportEvery: example.declaration.reportEvery,
    url: `${registry.url}/${privatePackage.replace('/', '%2f')}`,
  });
  clean.add(() => Promise.all(agents.map(({ stop }) => stop())));
  return agents;
}

/** Every consumer calls, and keyturn has heard from it. */
async function untilPresent(
  { stack, example }: World,
  agents: readonly Agent[],
  signal: AbortSignal,
): Promise<void> {
  const look = async (): Promise<true | undefined> => {
    const calling = agents.every(({ counts }) => counts().calls > 0);
    const heard = new Set((await stack.usage.presence(example.credentialId)).map(({ consumer }) => consumer));
    return calling && agents.every(({ consumer }) => heard.has(consumer)) ? true : undefined;
  };
  await waitUntil(look, { what: 'not every consumer was at work and had reported', seconds: 60, signal });
}

async function showFor(seconds: number, show: () => void, signal: AbortSignal): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 0.5) {
    show();
    await pause(0.5, signal);
  }
}
