/** How often a connection reads its issuer's admin secret: each read is paid for. */
import { expect, it } from 'vitest';
import type { AdminFields } from '../../lib/issuers/define-issuer.ts';
import { connectIssuer } from '../../lib/issuers/index.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { startHttpIssuer } from '../fakes/http-issuer.ts';
import { manualClock } from '../fakes/manual-clock.ts';
import { failureOf } from '../support/failure-of.ts';
import { anIssuerWorld } from './an-issuer-world.ts';

/** An issuer whose list has three pages, and a world that counts how often its admin secret is read. */
async function countedReads(failures: readonly Error[] = []) {
  const clock = manualClock();
  const server = await startHttpIssuer({ clock, pageSize: 1 });
  const rest = [...failures];
  let reads = 0;
  const secret = async (): Promise<AdminFields> => {
    reads += 1;
    const failure = rest.shift();
    if (failure) throw failure;
    return { token: new SecretText(server.admin.token) };
  };
  const world = anIssuerWorld({ clock, secret, fetch });
  const connect = () => connectIssuer(server.block, world);
  for (const label of failures.length > 0 ? [] : ['one', 'two', 'three']) await connect().create({ label });
  return { connect, reads: () => reads, stop: server.stop };
}

it('is once, however many pages a list has', async () => {
  const { connect, reads, stop } = await countedReads();
  const before = reads();
  const keys = await connect().list();
  await stop();
  expect(keys).toHaveLength(3);
  expect(reads() - before).toBe(1);
});

it('is once for each connection, so that a new invocation sees a new admin secret', async () => {
  const { connect, reads, stop } = await countedReads();
  const before = reads();
  await connect().list();
  await connect().list();
  await stop();
  expect(reads() - before).toBe(2);
});

it('is again after it could not be read', async () => {
  const { connect, reads, stop } = await countedReads([new Error('the store is not there')]);
  const issuer = connect();
  expect(await failureOf(issuer.list())).toMatchObject({ name: 'IssuerUnavailable' });
  expect(await issuer.list()).toEqual([]);
  await stop();
  expect(reads()).toBe(2);
});
