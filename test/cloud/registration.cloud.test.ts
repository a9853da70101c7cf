/** Ten thousand credentials on the local cloud: registered, registered again, and some of them otherwise. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloudConfig } from '../../bench/cloud-config.ts';
import { manyCredentials, register } from '../../bench/register.ts';
import { dynamoDbLedger } from '../../lib/aws/dynamodb-ledger.ts';
import type { Declaration } from '../../lib/rotation/credential.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { aCloudTable } from '../support/cloud-table.ts';

const count = 10_000;
const longest = 600;
const mostMiB = 1024;

let cloud: Cloud;
let ledger: ReturnType<typeof dynamoDbLedger>;
let table: string;

beforeAll(async () => {
  cloud = await startCloud();
  const on = await aCloudTable(cloudConfig(cloud));
  table = on.table;
  ledger = dynamoDbLedger(on);
});
afterAll(() => cloud?.stop());

const credentialOf = async (id: string) => (await ledger.load(id))?.credential;

describe(`${count} credentials`, () => {
  const declared = manyCredentials(count);
  const none = { added: 0, changed: 0, unchanged: 0, removed: 0, restored: 0, unresolved: 0 };

  it('are registered in time and in the memory of their function', { timeout: 700_000 }, async () => {
    const { counts, seconds, peakMiB } = await register(cloud, table, declared);
    expect(counts).toEqual({ ...none, added: count });
    expect(seconds).toBeLessThan(longest);
    expect(peakMiB).toBeLessThan(mostMiB);
    expect(await credentialOf('agent-9999')).toMatchObject({ status: 'new', auditSeq: 1 });
  });

  it('are left as they are the second time', { timeout: 700_000 }, async () => {
    const { counts, seconds, peakMiB } = await register(cloud, table, declared);
    expect(counts).toEqual({ ...none, unchanged: count });
    expect(seconds).toBeLessThan(longest);
    expect(peakMiB).toBeLessThan(mostMiB);
    expect(await credentialOf('agent-9999')).toMatchObject({ auditSeq: 1 });
  });

  it('let one be changed, one removed, and one that is wrong be named, each alone', async () => {
    await givenAKey('agent-3');
    const { 'agent-1': first, 'agent-2': second, 'agent-3': third, ...rest } = declared.credentials;
    if (!first || !second || !third) throw new Error('too few credentials');
    const changed: Declaration = { ...first, owner: { name: 'another-team' } };
    const wrong: Declaration = { ...third, secret: { ...third.secret, name: 'keyturn/bench/elsewhere' } };
    const credentials = { ...rest, 'agent-1': changed, 'agent-3': wrong };
    await expect(register(cloud, table, { ...declared, credentials })).rejects.toThrow(
      /1 of 10000 credentials could not be registered, all others are:\n- credential "agent-3" has keys/,
    );
    expect(await credentialOf('agent-1')).toMatchObject({ declaration: changed, auditSeq: 2 });
    expect(await credentialOf('agent-2')).toMatchObject({ status: 'retired', dueAt: null, auditSeq: 2 });
    expect(await credentialOf('agent-3')).toMatchObject({ declaration: third, auditSeq: 2 });
    expect(await credentialOf('agent-4')).toMatchObject({ auditSeq: 1 });
  });

  /** As a rotation leaves it, for what registration looks at. */
  async function givenAKey(id: string): Promise<void> {
    const credential = await credentialOf(id);
    if (!credential) throw new Error(`there is no ${id}`);
    const { auditSeq, auditHash, epoch } = credential;
    await ledger.commit({
      expected: { auditSeq, epoch },
      credential: { ...credential, status: 'active', currentGeneration: 1, lastGeneration: 1, auditSeq: 2 },
      audit: {
        credentialId: id,
        seq: 2,
        at: new Date().toISOString(),
        actor: 'a test',
        what: 'completed',
        rotationId: null,
        before: {},
        after: {},
        hash: auditHash,
      },
    });
  }
});
