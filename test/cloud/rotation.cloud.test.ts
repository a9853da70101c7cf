/** Whole rotations of a real registry's tokens on the deployed stack: the good case and the faults that matter. */
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { processOfPort } from '../support/process-of-port.ts';
import type { Exchange } from '../support/registry-proxy.ts';
import { aConsumer } from './a-consumer.ts';
import { adoptedSite, adoptions, existingKeys } from './adoption.ts';
import { type Deployed, deployed, packageName, type SiteOptions } from './deployed.ts';
import { atTheVendor, drains } from './drains.ts';
import { askForRotation, currentValue, firstKey, hasEnded, rotationThat, until } from './follow.ts';
import { leavings } from './leavings.ts';
import { type Heard, type Letter, listener, requestsQueue, taken, waiting } from './listen.ts';
import { redeployedSites, redeploys } from './redeploy.ts';
import { resumptions, stoppedSites } from './resumption.ts';
import { rights } from './rights.ts';
import { someTargets, targetedSite, targets } from './targets.ts';

const sites: Readonly<Record<string, SiteOptions>> = {
  happy: { consumers: ['fast', 'slow'] },
  killed: { consumers: ['worker'] },
  refused: { consumers: ['worker'] },
  held: { consumers: ['fast', 'stuck'] },
  twice: { consumers: ['worker'] },
  crowded: { consumers: ['worker'], capabilities: { maxLiveKeys: 2 } },
  adopted: adoptedSite,
  targeted: targetedSite,
  ...stoppedSites,
  ...redeployedSites,
};

let on: Deployed;
let end: () => Promise<void> = async () => {};
let heard: () => Promise<readonly Heard[]>;
const letters: Letter[] = [];

beforeAll(async () => {
  const others: { readonly stop: () => Promise<void> }[] = [];
  end = async () => {
    for (const other of others) await other.stop();
    await on?.stop();
  };
  on = await deployed(sites, async (prepared) => {
    const { receiver, ...hooked } = await someTargets(prepared);
    const { vendor, ...sold } = await atTheVendor(prepared);
    others.push(receiver, vendor);
    const existing = await existingKeys(prepared);
    return {
      ...hooked,
      issuers: { ...existing.issuers, ...sold.issuers },
      credentials: { ...existing.credentials, ...sold.credentials },
    };
  });
  heard = await listener(on);
});
afterAll(() => end());

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
      aConsumer(on, { name: 'fast', credential: 'happy', cacheFor: 0 }),
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
    await expectEveryEventOnce('happy', rotationId);
  });

  it('revokes a key whose step was killed between the registry’s answer and the ledger', async () => {
    const { proxy } = on.site('killed');
    await firstKey(on, 'killed');
    const worker = aConsumer(on, { name: 'worker', credential: 'killed', cacheFor: 0 });
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
    const worker = aConsumer(on, { name: 'worker', credential: 'refused', cacheFor: 0 });
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
      /^KeyRefused: issuer registry-refused does not accept key/,
    );
    expect(worker.refused).toBe(0);
    expect(await currentValue(on, 'refused')).toEqual(before);
    expect(refused).toBeDefined();
    expect(await listed('refused')).not.toContain(refused?.key);
    expect(credential).toMatchObject({ status: 'active', activeRotation: null, currentGeneration: 1 });
  });

  it('waits for a consumer that does not let go, and says who it is', async () => {
    await firstKey(on, 'held');
    const fast = aConsumer(on, { name: 'fast', credential: 'held', cacheFor: 0 });
    const stuck = aConsumer(on, { name: 'stuck', credential: 'held', cacheFor: 600 });
    const before = await currentValue(on, 'held');
    const rotationId = await askForRotation(on, 'held');
    const isHeld = await rotationThat(
      on,
      'held',
      rotationId,
      // On a busy machine `fast` may be late with its reports at one look, and holds the key too.
      (rotation) =>
        'checks' in rotation && rotation.checks >= 2 && rotation.verdict?.heldBy.join() === 'stuck',
    );
    expect(isHeld.rotation).toMatchObject({
      phase: 'grace',
      verdict: { outcome: 'waiting', heldBy: ['stuck'] },
    });
    expect('verdict' in isHeld.rotation && isHeld.rotation.verdict?.reason).toContain(
      'stuck used generation 1',
    );
    expect(await on.registry.read(packageName, before.apiKey)).toBe(200);
    await expect(askForRotation(on, 'held')).rejects.toThrow(
      `is rotating already, in rotation ${rotationId}`,
    );

    await stuck.leave();
    const { rotation } = await rotationThat(on, 'held', rotationId, hasEnded);
    await fast.leave();
    expect(rotation.phase).toBe('completed');
    expect([fast.refused, stuck.refused]).toEqual([0, 0]);
    expect(await on.registry.read(packageName, before.apiKey)).toBe(403);
  });
});

/** As consumers of events know them: by credential and audit number. */
async function expectEveryEventOnce(credential: string, rotationId: string): Promise<void> {
  const of = (event: Heard) =>
    event.detail.credential === credential && event.detail['rotationId'] === rotationId;
  const events = await until('the last event', 30, async () => {
    const mine = (await heard()).filter(of);
    return mine.some((event) => event['detail-type'] === 'Rotation Completed') ? mine : undefined;
  });
  const inOrder = [...events].sort((a, b) => a.detail.auditSeq - b.detail.auditSeq);
  expect(inOrder.map((event) => event['detail-type'])).toEqual([
    'Rotation Started',
    'Key Promoted',
    'Rotation Completed',
  ]);
}

describe.concurrent('a request', () => {
  it('for an unknown credential is rejected with the reason, and kept', async () => {
    await expect(askForRotation(on, 'nobody')).rejects.toThrow('credential "nobody" is not registered');
    const { detail } = await until('Rotation Rejected', 30, async () =>
      (await heard()).find(
        (event) => event['detail-type'] === 'Rotation Rejected' && event.detail.credential === 'nobody',
      ),
    );
    expect(detail).toMatchObject({ reason: expect.stringContaining('not registered') });
    const letter = await letterAbout('"nobody"');
    expect(letter.reason).toContain('not registered');
  });

  it('that is malformed is rejected with the place of the mistake, and kept', async () => {
    await sendRequest({ id: 'malformed-1', ...asked('No!') });
    const letter = await letterAbout('malformed-1');
    expect(letter.reason).toContain('malformed: detail.credential');
  });

  it('or a usage report that is garbage is kept, with the reason', async () => {
    const QueueUrl = on.addresses['usage-queue'];
    await new SQSClient(on.aws).send(
      new SendMessageCommand({ QueueUrl, MessageBody: '{"v":0,"mark":"g-1"}' }),
    );
    expect((await letterAbout('g-1')).reason).toContain('not a usage report');
  });

  it('that is delivered twice starts one rotation', async () => {
    await firstKey(on, 'twice');
    const worker = aConsumer(on, { name: 'worker', credential: 'twice', cacheFor: 0 });
    const event = { id: 'twice-1', ...asked('twice') };
    await sendRequest(event);
    const rotationId = await until('answer to twice-1', 60, async () => {
      const answer = (await on.stack.requests.find('twice-1'))?.answer;
      return answer?.outcome === 'started' ? answer.rotationId : undefined;
    });
    await rotationThat(on, 'twice', rotationId, hasEnded);
    await worker.leave();
    await sendRequest(event);
    await until('an empty queue', 60, async () =>
      (await waiting(on, await requestsQueue(on))) === 0 ? true : undefined,
    );
    const rotations = await on.stack.ledger.rotations('twice');
    expect(rotations.map(({ generation }) => generation)).toEqual([2, 1]);
  });
});

describe.concurrent('an adoption', () => adoptions(() => on));

describe.concurrent('a target', () => targets(() => on));

describe.concurrent('an old key at an issuer that can disable', () =>
  drains(
    () => on,
    () => heard(),
  ));

describe.concurrent('a stopped execution', () => resumptions(() => on));

describe('a redeploy', () => redeploys(() => on, sites));

describe('what is left behind', () =>
  leavings(
    () => on,
    async () => [...(await heard()), ...letters],
  ));

describe('every role', () => rights(() => on));

const asked = (credential: string) => ({
  source: 'test',
  'detail-type': 'Rotate Requested',
  detail: { credential },
});

/** Puts a message where the bus would put it, since the bus gives each event an id of its own. */
async function sendRequest(event: object): Promise<void> {
  const QueueUrl = await requestsQueue(on);
  await new SQSClient(on.aws).send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(event) }));
}

/** Takes letters out of the dead-letter queue, for all tests, until the wanted one is there. */
const letterAbout = (text: string): Promise<Letter> =>
  until(`a dead letter about ${text}`, 60, async () => {
    letters.push(...(await taken(on, on.addresses['dead-letter-queue'])));
    return letters.find(({ body }) => body.includes(text));
  });
