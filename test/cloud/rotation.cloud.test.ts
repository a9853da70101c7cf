/** Whole rotations of a real registry's tokens on the deployed stack: the good case and the faults that matter. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { processOfPort } from '../support/process-of-port.ts';
import type { Exchange } from '../support/registry-proxy.ts';
import { aConsumer } from './a-consumer.ts';
import { type Deployed, deployed, packageName } from './deployed.ts';
import { askForRotation, currentValue, firstKey, hasEnded, rotationThat } from './follow.ts';

let on: Deployed;

beforeAll(async () => {
  on = await deployed({
    happy: ['fast', 'slow'],
    killed: ['worker'],
    refused: ['worker'],
    held: ['fast', 'stuck'],
  });
});
afterAll(() => on?.stop());

const isCreate = ({ method, path }: Exchange): boolean => method === 'POST' && path === '/-/npm/v1/tokens';

const createdToken = ({ body }: Exchange) =>
  z.object({ key: z.string(), token: z.string() }).parse(JSON.parse(body));

/** Ids of the tokens that the registry lists for the credential's account. */
const listed = async (credential: string): Promise<readonly string[]> =>
  (await on.registry.listTokens(on.site(credential).account.token)).map(({ key }) => key);

describe.concurrent('a planned rotation', () => {
  it('moves every consumer to the new key without one refused call, then proves the old one dead', async () => {
    await firstKey(on, 'happy');
    const consumers = [
      aConsumer(on, { name: 'fast', credential: 'happy', cacheFor: 0.1 }),
      aConsumer(on, { name: 'slow', credential: 'happy', cacheFor: 5 }),
    ];
    const before = await currentValue(on, 'happy');
    const rotationId = await askForRotation(on, 'happy');
    const { rotation, keys, credential } = await rotationThat(on, 'happy', rotationId, hasEnded);
    await Promise.all(consumers.map((consumer) => consumer.leave()));

    expect(rotation.phase).toBe('completed');
    expect(consumers.map(({ refused }) => refused)).toEqual([0, 0]);
    expect(Math.min(...consumers.map(({ calls }) => calls))).toBeGreaterThan(20);
    const after = await currentValue(on, 'happy');
    expect(after.generation).toBe(2);
    expect(await on.registry.read(packageName, after.apiKey)).toBe(200);
    expect(await on.registry.read(packageName, before.apiKey)).toBe(403);
    expect(keys.map(({ generation, status }) => [generation, status])).toEqual([
      [1, 'dead'],
      [2, 'current'],
    ]);
    expect(keys[0]?.proof).toMatchObject({ by: 'refusal', probes: 3 });
    expect(credential).toMatchObject({ status: 'active', activeRotation: null, currentGeneration: 2 });
  });

  it('revokes a key whose step was killed between the registry’s answer and the ledger', async () => {
    const { proxy } = on.site('killed');
    await firstKey(on, 'killed');
    const worker = aConsumer(on, { name: 'worker', credential: 'killed', cacheFor: 0.1 });
    let lost: string | undefined;
    proxy.intercept = (exchange) => {
      if (lost || !isCreate(exchange) || exchange.status !== 200) return exchange;
      lost = createdToken(exchange).key;
      process.kill(processOfPort(exchange.callerPort), 'SIGKILL');
      return 'drop';
    };
    const rotationId = await askForRotation(on, 'killed');
    const { rotation, keys } = await rotationThat(on, 'killed', rotationId, hasEnded, 240);
    await worker.leave();

    expect(rotation).toMatchObject({ phase: 'completed', attempt: 2 });
    expect(worker.refused).toBe(0);
    expect(lost).toBeDefined();
    expect(await listed('killed')).not.toContain(lost);
    expect(keys.find(({ keyId }) => keyId === lost)).toMatchObject({ status: 'dead', proof: { by: 'list' } });
    expect(await on.registry.read(packageName, (await currentValue(on, 'killed')).apiKey)).toBe(200);
  });

  it('is abandoned when the registry refuses the new key, and nobody notices', async () => {
    const { proxy } = on.site('refused');
    await firstKey(on, 'refused');
    const worker = aConsumer(on, { name: 'worker', credential: 'refused', cacheFor: 0.1 });
    const before = await currentValue(on, 'refused');
    let refused: { readonly key: string; readonly token: string } | undefined;
    proxy.intercept = (exchange) => {
      if (isCreate(exchange)) refused = createdToken(exchange);
      const withIt = refused && exchange.authorization === `Bearer ${refused.token}`;
      return withIt ? { status: 403, body: '{"error":"unauthorized access"}' } : exchange;
    };
    const rotationId = await askForRotation(on, 'refused');
    const { rotation, credential } = await rotationThat(on, 'refused', rotationId, hasEnded);
    await worker.leave();

    expect(rotation.phase).toBe('abandoned');
    expect('reason' in rotation && rotation.reason).toMatch(
      /^KeyRefused: issuer registry-refused made a key/,
    );
    expect(worker.refused).toBe(0);
    expect(await currentValue(on, 'refused')).toEqual(before);
    expect(refused).toBeDefined();
    expect(await listed('refused')).not.toContain(refused?.key);
    expect(credential).toMatchObject({ status: 'active', activeRotation: null, currentGeneration: 1 });
  });

  it('waits for a consumer that does not let go, and says who it is', async () => {
    await firstKey(on, 'held');
    const fast = aConsumer(on, { name: 'fast', credential: 'held', cacheFor: 0.1 });
    const stuck = aConsumer(on, { name: 'stuck', credential: 'held', cacheFor: 600 });
    const before = await currentValue(on, 'held');
    const rotationId = await askForRotation(on, 'held');
    const isHeld = await rotationThat(
      on,
      'held',
      rotationId,
      (rotation) => 'checks' in rotation && rotation.checks >= 2,
    );
    expect(isHeld.rotation).toMatchObject({
      phase: 'grace',
      verdict: { outcome: 'waiting', heldBy: ['stuck'] },
    });
    expect('verdict' in isHeld.rotation && isHeld.rotation.verdict?.reason).toContain(
      'stuck used the old key',
    );
    expect(await on.registry.read(packageName, before.apiKey)).toBe(200);

    await stuck.leave();
    const { rotation } = await rotationThat(on, 'held', rotationId, hasEnded);
    await fast.leave();
    expect(rotation.phase).toBe('completed');
    expect([fast.refused, stuck.refused]).toEqual([0, 0]);
    expect(await on.registry.read(packageName, before.apiKey)).toBe(403);
  });
});
