/** How old keys leave on the deployed stack, at an issuer that can disable them: trials, decisions, comers and goers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, it } from 'vitest';
import { main } from '../../lib/cli/main.ts';
import { connectStackWith } from '../../lib/cli/stack.ts';
import { graceFacts, type Rotation } from '../../lib/rotation/rotation.ts';
import type { UsageReport } from '../../lib/usage/report.ts';
import { startVendorIssuer, type VendorIssuer } from '../fakes/vendor-issuer.ts';
import { aConsumer } from './a-consumer.ts';
import { type Deployed, type Extras, type Prepared, stackName } from './deployed.ts';
import { askForRotation, currentValue, firstKey, hasEnded, rotationThat, until } from './follow.ts';
import type { Heard } from './listen.ts';

const adminSecret = 'keyturn-admin/vendor';

/** Seconds for which a key is disabled for a trial: long enough for a report to come through. */
const observe = '8s';

const quick = { rotateEvery: '30d', grace: { min: '6s', max: '15m', quiet: '3s' }, observe };

const credential = (consumers: readonly object[], policy: object = quick) => ({
  issuer: 'vendor',
  owner: { name: 'tests' },
  policy,
  consumers,
});

let vendor: VendorIssuer;

/** The vendor, and credentials of its keys. */
export async function atTheVendor(on: Prepared): Promise<Extras & { readonly vendor: VendorIssuer }> {
  vendor = await startVendorIssuer();
  on.secrets.add(vendor.adminToken);
  await new SecretsManagerClient(on.aws).send(
    new CreateSecretCommand({
      Name: adminSecret,
      SecretString: JSON.stringify({ token: vendor.adminToken }),
    }),
  );
  return {
    vendor,
    issuers: { vendor: vendor.block(adminSecret) },
    credentials: {
      missed: credential([{ name: 'worker' }]),
      decided: credential([{ name: 'fast' }, { name: 'stuck' }], {
        ...quick,
        grace: { min: '6s', max: '10s', quiet: '3s' },
      }),
      nightly: credential([{ name: 'night-job', presence: 'intermittent', period: '6s' }]),
      crashed: credential([{ name: 'fleet', lostAfter: '15s' }]),
    },
  };
}

export function drains(deployment: () => Deployed, heard: () => Promise<readonly Heard[]>): void {
  const told = async (type: string, about: string): Promise<Heard | undefined> =>
    (await heard()).find((event) => event['detail-type'] === type && event.detail.credential === about);

  const consumer = (name: string, id: string, cacheFor = 0) =>
    aConsumer(deployment(), { name, credential: id, cacheFor, call: (key) => vendor.work(key) });

  it('a disabled key that somebody misses whom nobody has declared comes back, and its owner hears who it was', async () => {
    const on = deployment();
    const { keys } = await firstKey(on, 'missed');
    const worker = consumer('worker', 'missed');
    const old = await currentValue(on, 'missed');
    const rotationId = await askForRotation(on, 'missed');
    await rotationThat(on, 'missed', rotationId, ({ phase }) => phase === 'observing');
    const ghost = { consumer: 'ghost', credential: 'missed', versionId: keys[0]?.versionId ?? '' };
    await report(on, { ...ghost, denied: 1 });
    await until('the ghost’s report', 30, async () =>
      (await on.stack.usage.presence('missed')).find(({ consumer }) => consumer === 'ghost'),
    );
    expect(await vendor.work(old.apiKey)).toBe(401);

    const enabled = await rotationThat(on, 'missed', rotationId, isBackInGrace);
    expect(graceFacts(enabled.rotation)).toMatchObject({ breakages: 1, brokenBy: ['ghost'] });
    expect(await vendor.work(old.apiKey)).toBe(200);
    const { detail } = await until('Key Enabled', 30, () => told('Key Enabled', 'missed'));
    expect(detail).toMatchObject({ brokenBy: ['ghost'], owner: { name: 'tests' } });
    expect(vendor.keys().find(({ keyId }) => keyId === old.keyId)?.state).toBe('enabled');

    await report(on, { ...ghost, denied: 1, leaving: true });
    const { rotation } = await rotationThat(on, 'missed', rotationId, hasEnded, 240);
    await worker.leave();
    expect(rotation).toMatchObject({ phase: 'completed', breakages: 1 });
    expect(worker.refused).toBe(0);
    expect(await vendor.work(old.apiKey)).toBe(401);
  });

  it('its owner gives it more time, then wants the old key back: nobody loses a call', async () => {
    const on = deployment();
    await firstKey(on, 'decided');
    const fast = consumer('fast', 'decided');
    const stuck = consumer('stuck', 'decided', 600);
    const before = await currentValue(on, 'decided');
    const rotationId = await askForRotation(on, 'decided');
    await asked(on, rotationId, 1);
    const { detail } = await until('Decision Needed', 30, () => told('Decision Needed', 'decided'));
    expect(detail).toMatchObject({
      question: 1,
      heldBy: expect.arrayContaining(['stuck']),
      owner: { name: 'tests' },
    });

    await keyturn(on, ['decide', 'decided', 'extend', '10s', '--question', '1', '--yes']);
    await asked(on, rotationId, 2);
    await keyturn(on, ['decide', 'decided', 'roll-back', '--yes']);
    const { rotation, keys } = await rotationThat(on, 'decided', rotationId, hasEnded, 240);
    await Promise.all([fast.leave(), stuck.leave()]);

    expect(rotation).toMatchObject({ phase: 'completed', leaving: 'new', decision: { choice: 'roll-back' } });
    expect([fast.refused, stuck.refused]).toEqual([0, 0]);
    expect(await currentValue(on, 'decided')).toMatchObject({ keyId: before.keyId, generation: 1 });
    expect(keys.map(({ generation, status }) => [generation, status])).toEqual([
      [1, 'current'],
      [2, 'dead'],
    ]);
    expect(await vendor.work(before.apiKey)).toBe(200);
  });

  it('a job that runs at night holds it until it has run with the new one', async () => {
    const on = deployment();
    await firstKey(on, 'nightly');
    await oneRun('nightly');
    const old = await currentValue(on, 'nightly');
    const rotationId = await askForRotation(on, 'nightly');
    const held = await rotationThat(on, 'nightly', rotationId, looked(2));
    expect(graceFacts(held.rotation)?.verdict).toMatchObject({ heldBy: ['night-job'] });
    expect(await vendor.work(old.apiKey)).toBe(200);

    await oneRun('nightly');
    const { rotation } = await rotationThat(on, 'nightly', rotationId, hasEnded, 240);
    expect(rotation).toMatchObject({ phase: 'completed' });
    expect(await vendor.work(old.apiKey)).toBe(401);
  });

  it('a process that crashed holds it for as long as it might still live, by name', async () => {
    const on = deployment();
    const { keys } = await firstKey(on, 'crashed');
    const fleet = consumer('fleet', 'crashed');
    const old = await currentValue(on, 'crashed');
    const rotationId = await askForRotation(on, 'crashed');
    const crashedAt = Date.now();
    // One process of the fleet says that it holds the old key, and is never heard of again.
    await report(on, {
      consumer: 'fleet',
      credential: 'crashed',
      versionId: keys[0]?.versionId ?? '',
      ok: 1,
    });
    const held = await rotationThat(
      on,
      'crashed',
      rotationId,
      (rotation) => graceFacts(rotation)?.verdict?.heldBy.join() === 'fleet',
    );
    expect(graceFacts(held.rotation)?.verdict?.outcome).toBe('waiting');
    expect(await vendor.work(old.apiKey)).toBe(200);

    const { rotation } = await rotationThat(on, 'crashed', rotationId, hasEnded, 240);
    await fleet.leave();
    expect(rotation).toMatchObject({ phase: 'completed' });
    const { drainedAt } = graceFacts(rotation) ?? {};
    expect(Date.parse(drainedAt ?? '')).toBeGreaterThan(crashedAt + 15_000);
    expect(fleet.refused).toBe(0);
  });

  /** A process that starts, works and ends, as a cron job does. */
  async function oneRun(id: string): Promise<void> {
    const job = consumer('night-job', id);
    await until('a call of the job', 30, async () => (job.calls > 0 ? true : undefined));
    await sleep(300);
    await job.leave();
    expect(job.refused).toBe(0);
  }
}

const looked =
  (times: number) =>
  (rotation: Rotation): boolean =>
    (graceFacts(rotation)?.checks ?? 0) >= times;

const isBackInGrace = (rotation: Rotation): boolean => rotation.phase === 'grace' && rotation.breakages === 1;

const asked = (on: Deployed, rotationId: string, question: number) =>
  rotationThat(
    on,
    'decided',
    rotationId,
    (rotation) => graceFacts(rotation)?.question?.number === question && rotation.token !== null,
  );

/** As its owner does. */
async function keyturn(on: Deployed, command: readonly string[]): Promise<void> {
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const code = await main([...command, '--stack', stackName], { out: say, err: say, colour: false }, (name) =>
    connectStackWith(name, on.aws),
  );
  expect({ code, lines }).toMatchObject({ code: 0 });
}

interface Reported {
  readonly consumer: string;
  readonly credential: string;
  readonly versionId: string;
  readonly ok?: number;
  readonly denied?: number;
  /** Its second and last one. */
  readonly leaving?: boolean;
}

/** A report of a process that holds this key and used it just now. */
async function report(on: Deployed, reported: Reported): Promise<void> {
  const { consumer, credential: id, versionId, ok = 0, denied = 0, leaving = false } = reported;
  const now = new Date().toISOString();
  const use = { credential: id, versionId, minute: `${now.slice(0, 16)}Z`, ok, denied };
  const body: UsageReport = {
    v: 1,
    consumer,
    instance: 'one-process',
    seq: leaving ? 1 : 0,
    sentAt: now,
    windowStart: now,
    windowEnd: now,
    ...(leaving && { leaving }),
    credentials: [id],
    holds: [versionId],
    keys: [{ ...use, firstUsedAt: now, lastUsedAt: now }],
  };
  const QueueUrl = on.addresses['usage-queue'];
  await new SQSClient(on.aws).send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(body) }));
}
