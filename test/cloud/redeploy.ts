/** A deploy of changed code and a changed state machine while rotations are in their grace. */
import { cp, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { expect, it } from 'vitest';
import { node, projectDirectory } from '../../local/paths.ts';
import { aConsumer } from './a-consumer.ts';
import { type Deployed, packageName, type SiteOptions } from './deployed.ts';
import { askForRotation, currentValue, firstKey, hasEnded, rotationThat, until } from './follow.ts';
import { cloudWatchLogs } from './leavings.ts';

export const redeployedSites = { redeployed: { consumers: ['worker'] }, removed: { consumers: ['worker'] } };

/** What is changed: text that every step's function logs, and the name of a state. */
const changes = [
  { file: 'lambdas/runtime/handler.ts', from: "'step begins'", to: "'step begins, as changed'" },
  { file: 'lib/constructs/rotation-workflow.ts', from: "'Drained?'", to: "'Is it drained?'" },
];

export function redeploys(deployment: () => Deployed, sites: Readonly<Record<string, SiteOptions>>): void {
  it('a rotation goes on when code and state machine change in the middle of its grace', async () => {
    const on = deployment();
    await firstKey(on, 'redeployed');
    const worker = aConsumer(on, { name: 'worker', credential: 'redeployed', cacheFor: 600 });
    const before = await currentValue(on, 'redeployed');
    const rotationId = await askForRotation(on, 'redeployed');
    await rotationThat(on, 'redeployed', rotationId, ({ phase }) => phase === 'grace');

    await on.redeploy({ app: await changedApp(on), sites });
    expect(await definition(on)).toContain('Is it drained?');
    expect(await definition(on)).not.toContain('"Drained?"');

    expect(await on.registry.read(packageName, before.apiKey)).toBe(200);
    await worker.leave();
    const { rotation } = await rotationThat(on, 'redeployed', rotationId, hasEnded, 200);
    expect(rotation).toMatchObject({ phase: 'completed', run: 1 });
    expect(worker.refused).toBe(0);
    expect(await logged(on, rotationId)).toContain('step begins, as changed');

    const next = aConsumer(on, { name: 'worker', credential: 'redeployed', cacheFor: 0 });
    const nextId = await askForRotation(on, 'redeployed');
    const after = await rotationThat(on, 'redeployed', nextId, hasEnded, 200);
    await next.leave();
    expect(after.rotation.phase).toBe('completed');
    expect(next.refused).toBe(0);
  });

  it('a credential that is no longer declared retires: its last key drains, is revoked and proven dead', async () => {
    const on = deployment();
    await firstKey(on, 'removed');
    const worker = aConsumer(on, { name: 'worker', credential: 'removed', cacheFor: 0 });
    const { apiKey } = await currentValue(on, 'removed');
    await worker.leave();
    const { removed: gone, ...rest } = sites;
    expect(gone).toBeDefined();
    // Its issuer block stays, since the key lives.
    await on.redeploy({ sites: rest, keep: ['removed'] });
    const { keys } = await until('retirement of removed', 200, async () => {
      const view = await on.stack.ledger.load('removed');
      return view?.credential.status === 'retired' ? view : undefined;
    });
    expect(keys).toMatchObject([{ status: 'dead', proof: { by: 'refusal' } }]);
    expect(await on.registry.read(packageName, apiKey)).toBe(403);
  });
}

/** @returns the command line of a CDK app that is this project's, changed. */
async function changedApp(on: Deployed): Promise<string> {
  const copy = await mkdtemp(join(on.cloud.directory, 'changed-'));
  for (const part of ['bin', 'lib', 'lambdas', 'package.json', 'package-lock.json', 'tsconfig.json'])
    await cp(join(projectDirectory, part), join(copy, part), { recursive: true });
  await symlink(join(projectDirectory, 'node_modules'), join(copy, 'node_modules'));
  for (const { file, from, to } of changes) {
    const text = await readFile(join(copy, file), 'utf8');
    if (!text.includes(from)) throw new Error(`${file} has no ${from} to change`);
    await writeFile(join(copy, file), text.replaceAll(from, to));
  }
  return `${node} ${join(copy, 'bin', 'app.ts')}`;
}

async function definition(on: Deployed): Promise<string> {
  const { definition: text = '' } = await new SFNClient(on.aws).send(
    new DescribeStateMachineCommand({ stateMachineArn: on.addresses['state-machine'] }),
  );
  return text;
}

/** What the functions have logged about one rotation. */
async function logged(on: Deployed, rotationId: string): Promise<string> {
  const events = (await cloudWatchLogs(on)).split('},{');
  return events.filter((event) => event.includes(rotationId)).join('\n');
}
