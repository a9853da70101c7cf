/** Executions that somebody stops by hand, in each phase, and a sweep that takes them up again. */
import { SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { expect, it } from 'vitest';
import { executionArnOf } from '../../lib/aws/step-functions-executions.ts';
import { executionNameOf } from '../../lib/rotation/ids.ts';
import type { Rotation } from '../../lib/rotation/rotation.ts';
import { aConsumer } from './a-consumer.ts';
import { type Deployed, packageName } from './deployed.ts';
import { askForRotation, currentValue, firstKey, hasEnded, rotationThat } from './follow.ts';

/** Where an execution is stopped: in a phase, or when a request to the issuer has just had its effect. */
const moments = {
  issuing: ({ phase }: Rotation) => phase === 'issuing',
  verifying: ({ phase }: Rotation) => phase === 'verifying',
  verified: ({ phase }: Rotation) => phase === 'verified' || phase === 'promoting',
  grace: ({ phase }: Rotation) => phase === 'grace',
  revoking: ({ phase, condemned }: Rotation) => phase === 'revoking' && condemned?.revokedAt === null,
  proving: ({ phase, condemned }: Rotation) => phase === 'revoking' && condemned?.revokedAt !== null,
  completing: ({ phase }: Rotation) => phase === 'completing',
} as const satisfies Record<string, (rotation: Rotation) => boolean>;

const siteOf = (moment: string): string => `stopped-${moment}`;

export const stoppedSites = Object.fromEntries(
  Object.keys(moments).map((moment) => [siteOf(moment), { consumers: ['worker'] }]),
);

export function resumptions(deployment: () => Deployed): void {
  it.each(Object.entries(moments))(
    'an execution that is stopped while %s is resumed by the sweep, and nobody notices',
    async (moment, isThen) => {
      const on = deployment();
      const credential = siteOf(moment);
      await firstKey(on, credential);
      const worker = aConsumer(on, { name: 'worker', credential, cacheFor: 0 });
      const before = await currentValue(on, credential);
      const rotationId = await askForRotation(on, credential);
      const { stopped } = await stopThen(on, credential, rotationId, isThen);
      const { rotation, keys } = await rotationThat(on, credential, rotationId, hasEnded, 280);
      await worker.leave();
      expect(stopped).toBe(true);
      expect(rotation).toMatchObject({ phase: 'completed', run: 2 });
      expect(worker.refused).toBe(0);
      expect(keys.filter(({ status }) => status !== 'dead').map(({ status }) => status)).toEqual(['current']);
      expect(await on.registry.read(packageName, before.apiKey)).toBe(403);
      expect(await on.registry.read(packageName, (await currentValue(on, credential)).apiKey)).toBe(200);
    },
  );
}

/**
 * Each answer of the issuer waits until the ledger has been looked at, so that short phases are not missed.
 * @returns whether the execution ran until then.
 */
async function stopThen(
  on: Deployed,
  credential: string,
  rotationId: string,
  isThen: (rotation: Rotation) => boolean,
): Promise<{ readonly stopped: boolean }> {
  const { proxy } = on.site(credential);
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= stopExecution(on, executionNameOf(rotationId, 1));
    return stopped;
  };
  proxy.intercept = async (exchange) => {
    const rotation = (await on.stack.ledger.load(credential, rotationId))?.rotation;
    if (!rotation || rotation.run > 1 || !isThen(rotation)) return exchange;
    await stop();
    // A step that is at work goes on to its end: the last one must not reach it.
    return rotation.phase === 'completing' ? 'drop' : exchange;
  };
  await rotationThat(on, credential, rotationId, isThen, 120, 20);
  await stop();
  return { stopped: stopped !== undefined };
}

async function stopExecution(on: Deployed, name: string): Promise<void> {
  const executionArn = executionArnOf(on.addresses['state-machine'], name);
  await new SFNClient(on.aws).send(new StopExecutionCommand({ executionArn, cause: 'stopped by a test' }));
}
