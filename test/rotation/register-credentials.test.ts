import { describe, expect, test } from 'vitest';
import type { Declaration } from '../../lib/rotation/credential.ts';
import { InvalidInput, LedgerChanged } from '../../lib/rotation/errors.ts';
import { registerCredentials } from '../../lib/rotation/register-credentials.ts';
import { plus } from '../../lib/usage/instant.ts';
import { aDeclaration } from '../support/builders.ts';
import type { Hook } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World } from '../support/world.ts';
import { expectSoundAudit } from './invariants.ts';
import { aWorldToAdopt, aWorldWithKey } from './scenarios.ts';

const blocks = {
  issuers: { openai: { type: 'memory', n: 2 } },
  targets: { vault: { type: 'memory' } },
  accounts: {},
  prefixes: ['keyturn/'],
};

const register = (world: World, credentials: Readonly<Record<string, Declaration>>, hook?: Hook) =>
  registerCredentials(world.ports(hook && { hook }), { ...blocks, credentials });

/** What a registration does to this declaration of the world's credential. */
const redeclare = (world: World, change: Partial<Declaration>, hook?: Hook) =>
  register(world, { [world.credentialId]: aDeclaration(change) }, hook);

const many = (count: number): Readonly<Record<string, Declaration>> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`agent-${n}`, aDeclaration()]));

describe('a new credential', () => {
  test('is due at once and has no key', async () => {
    const world = await aWorld();
    await expect(
      register(world, { mirror: aDeclaration(), 'billing-agent': aDeclaration() }),
    ).resolves.toMatchObject({ added: 1, changed: 0, unchanged: 1, removed: 0, restored: 0 });
    expect((await world.ledger.load('mirror'))?.credential).toMatchObject({
      id: 'mirror',
      status: 'new',
      epoch: 1,
      dueAt: world.clock.now(),
      pause: null,
      failures: 0,
      removedAt: null,
      currentGeneration: 0,
      lastGeneration: 0,
      currentVersionId: null,
      auditSeq: 1,
    });
  });

  test('carries the id of the installation, which never changes', async () => {
    const world = await aWorld();
    const first = await register(world, { mirror: aDeclaration() });
    const second = await register(world, { nightly: aDeclaration() });
    expect(second.installationId).toBe(first.installationId);
    const ids = (await world.ledger.credentials()).map(({ installationId }) => installationId);
    expect(new Set(ids)).toEqual(new Set([first.installationId]));
  });
});

describe('a credential that is registered again', () => {
  test('stays as it is when nothing was changed', async () => {
    const world = await aWorldWithKey();
    const before = world.ledger.rows();
    await expect(redeclare(world, {})).resolves.toMatchObject({ added: 0, changed: 0, unchanged: 1 });
    expect(world.ledger.rows()).toEqual(before);
  });

  test('is unchanged when only the order of its fields differs', async () => {
    const world = await aWorld();
    const reversed = Object.fromEntries(Object.entries(aDeclaration()).reverse());
    const counts = await register(world, { 'billing-agent': { ...aDeclaration(), ...reversed } });
    expect(counts).toMatchObject({ unchanged: 1 });
  });

  test('keeps its key and its history when its declaration changes', async () => {
    const world = await aWorldWithKey();
    const before = (await world.view()).credential;
    const declaration = aDeclaration({ owner: { name: 'platform' } });
    await expect(register(world, { 'billing-agent': declaration })).resolves.toMatchObject({ changed: 1 });
    expect((await world.view()).credential).toMatchObject({
      declaration,
      status: 'active',
      currentGeneration: 1,
      currentVersionId: before.currentVersionId,
      dueAt: before.dueAt,
      auditSeq: before.auditSeq + 1,
    });
    expect((await world.ledger.audit('billing-agent')).at(-1)).toMatchObject({
      actor: 'registration',
      what: 'declarationChanged',
      before: { declaration: { owner: { name: 'billing-team' } } },
      after: { declaration: { owner: { name: 'platform' } } },
    });
    await expectSoundAudit(world);
  });

  test('is due by its new rotateEvery, counted from its last promotion', async () => {
    const world = await aWorldWithKey();
    const { lastPromotedAt } = (await world.view()).credential;
    const { grace } = aDeclaration().policy;
    await redeclare(world, { policy: { rotateEvery: 2_592_000, grace } });
    expect((await world.view()).credential.dueAt).toBe(plus(lastPromotedAt ?? '', 2_592_000));
  });

  test('keeps the date that a failure has given it, whatever changes', async () => {
    const world = await aWorldWithKey();
    await abandonNext(world);
    const { dueAt } = (await world.view()).credential;
    await redeclare(world, { owner: { name: 'platform' } });
    expect((await world.view()).credential).toMatchObject({ dueAt, failures: 1, status: 'active' });
  });

  test('is due at once when it has no key: its declaration may have been what was wrong', async () => {
    const world = await aWorld();
    await abandonNext(world);
    expect((await world.view()).credential.dueAt).toBe(plus(world.clock.now(), 900));
    await redeclare(world, { owner: { name: 'platform' } });
    expect((await world.view()).credential).toMatchObject({ status: 'new', dueAt: world.clock.now() });
  });
});

/** A rotation whose new key the issuer refuses. */
async function abandonNext(world: World): Promise<void> {
  world.issuer.distortProbes(() => 'dead');
  await runWorkflow(world, await world.nextRotation());
  world.issuer.distortProbes((answer) => answer);
}

describe('issuer and target blocks', () => {
  test('are kept as they were declared last', async () => {
    const world = await aWorld();
    await redeclare(world, {});
    await expect(world.ports().issuerBlocks.get('openai')).resolves.toEqual({ type: 'memory', n: 2 });
    await expect(world.ports().targetBlocks.get('vault')).resolves.toEqual({ type: 'memory' });
  });

  test('are not given up while a key lives there: nothing is written, and the key is named', async () => {
    const world = await aWorldWithKey();
    const before = world.ledger.rows();
    const refused = registerCredentials(world.ports(), {
      issuers: { another: { type: 'memory' } },
      targets: { vault: { type: 'memory' } },
      accounts: {},
      prefixes: ['keyturn/'],
      credentials: { mirror: aDeclaration({ issuer: 'another' }) },
    });
    await expect(refused).rejects.toThrow(InvalidInput);
    await expect(refused).rejects.toThrow(/issuer block "openai" .* key key-1 of credential "billing-agent"/);
    expect(world.ledger.rows()).toEqual(before);
    await expect(world.ports().issuerBlocks.get('another')).resolves.toBeUndefined();
    await expect(world.ports().targetBlocks.get('vault')).resolves.toBeUndefined();
  });

  test('may go once no key lives there any more', async () => {
    const world = await aWorld();
    await expect(
      registerCredentials(world.ports(), {
        issuers: {},
        targets: {},
        accounts: {},
        prefixes: ['keyturn/'],
        credentials: {},
      }),
    ).resolves.toMatchObject({ removed: 1 });
  });
});

describe('what a live key needs', () => {
  const account = 'http https://issuer.example {}';
  const declared = () => ({ credentials: { 'billing-agent': aDeclaration({ account }) } });

  test.each([
    ['its issuer block', { issuers: {} }, 'issuer block "openai" is not in keyturn.yaml any more'],
    [
      'the account behind it',
      { accounts: { openai: 'http https://other.example {}' } },
      'issuer block "openai" stands for another account now (http https://other.example {}, before http',
    ],
    [
      'the prefix of its secret',
      { prefixes: ['elsewhere/'] },
      'no prefix under "secrets" in keyturn.yaml fits',
    ],
  ])('stays within reach: %s', async (_what, change, text) => {
    const world = await aWorldWithKey({ declaration: { account } });
    const before = world.ledger.rows();
    const registration = { ...blocks, accounts: { openai: account }, ...change };
    for (const { credentials } of [declared(), { credentials: {} }]) {
      await expect(registerCredentials(world.ports(), { ...registration, credentials })).rejects.toThrow(
        text,
      );
    }
    expect(world.ledger.rows()).toEqual(before);
  });

  test('is needed too while a first key is being made', async () => {
    const world = await aWorld();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'issueKey' });
    await expect(
      registerCredentials(world.ports(), { ...blocks, issuers: {}, credentials: {} }),
    ).rejects.toThrow('credential "billing-agent" is getting a key there');
  });

  test('stays the KMS key of its secret', async () => {
    const world = await aWorldWithKey();
    const { secret } = aDeclaration();
    const kmsKeyArn = 'arn:aws:kms:eu-west-1:123456789012:key/team';
    await expect(redeclare(world, { secret: { ...secret, kmsKeyArn } })).rejects.toThrow(
      "cannot change its secret's KMS key from the stack's to arn:aws:kms",
    );
  });
});

describe('a registration', () => {
  test('counts what it has done', async () => {
    const world = await aWorld();
    await register(world, { gone: aDeclaration(), changed: aDeclaration(), same: aDeclaration() });
    await register(world, { changed: aDeclaration(), same: aDeclaration() });
    const counts = await register(world, {
      gone: aDeclaration(),
      changed: aDeclaration({ owner: { name: 'platform' } }),
      same: aDeclaration(),
      added: aDeclaration(),
    });
    expect(counts).toMatchObject({ added: 1, changed: 1, unchanged: 1, removed: 0, restored: 1 });
  });

  test('that is run again finds everything as it is, and writes no row', async () => {
    const world = await aWorld();
    const declared = { ...many(40), 'billing-agent': aDeclaration() };
    await register(world, declared);
    const writes: string[] = [];
    const again = await register(world, declared, async ({ port, method }, effect) => {
      if (port === 'ledger' && method !== 'load' && method !== 'credentials') writes.push(method);
      return effect();
    });
    expect(again).toMatchObject({ added: 0, changed: 0, unchanged: 41, removed: 0, restored: 0 });
    expect(writes).toEqual([]);
  });

  test('reads a credential that did not change once, in the list of all', async () => {
    const world = await aWorld();
    const declared = { ...many(40), 'billing-agent': aDeclaration() };
    await register(world, declared);
    const reads: string[] = [];
    await register(world, declared, async ({ port, method }, effect) => {
      if (port === 'ledger') reads.push(method);
      return effect();
    });
    expect(reads).toEqual(['credentials']);
  });

  test('writes 32 credentials at once, and no more', async () => {
    const world = await aWorld();
    let underWay = 0;
    let most = 0;
    await register(world, many(100), async ({ method }, effect) => {
      if (method !== 'commit') return effect();
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return effect();
    });
    expect(most).toBe(32);
    expect(await world.ledger.credentials()).toHaveLength(101);
  });

  test('that cannot write one of many writes all others, and names the one', async () => {
    const world = await aWorldWithKey();
    const credentials = {
      ...many(40),
      'billing-agent': aDeclaration({ secret: { name: 'keyturn/elsewhere', format: 'text' } }),
    };
    const refused = register(world, credentials);
    await expect(refused).rejects.toThrow(InvalidInput);
    await expect(refused).rejects.toThrow(
      /^1 of 41 credentials could not be registered, all others are:\n- credential "billing-agent" has keys/,
    );
    expect(await world.ledger.credentials()).toHaveLength(41);
    expect((await world.view()).credential.declaration.secret.name).toBe(world.secretName);
  });

  test('names twenty mistakes and counts the rest', async () => {
    const world = await aWorld();
    const refused = register(world, many(30), async ({ method }, effect) => {
      if (method === 'commit') throw new Error('the table is away');
      return effect();
    });
    const { message } = await refused.then(
      () => new Error('it was accepted'),
      (error: Error) => error,
    );
    expect(message.split('\n')).toHaveLength(22);
    expect(message).toMatch(/^31 of 31 credentials(.|\n)*\n- and 11 more$/);
  });

  test('that died half-way is finished by the next', async () => {
    const world = await aWorld();
    let commits = 0;
    const dying: Hook = async (call, effect) => {
      commits += call.method === 'commit' ? 1 : 0;
      if (commits > 2) throw new Error('gone');
      return effect();
    };
    const credentials = { ...many(3), 'billing-agent': aDeclaration() };
    await expect(register(world, credentials, dying)).rejects.toThrow('gone');
    await expect(register(world, credentials)).resolves.toMatchObject({ added: 1, unchanged: 3 });
  });
});

describe('a registration in the middle of a rotation', () => {
  test('reads again when a step has changed the row meanwhile', async () => {
    const world = await aWorldWithKey();
    let commits = 0;
    const hook: Hook = async (call, effect) => {
      if (call.method !== 'commit') return effect();
      commits += 1;
      if (commits === 1) throw new LedgerChanged('a step was faster');
      return effect();
    };
    const owner = { name: 'another-team' };
    await expect(redeclare(world, { owner }, hook)).resolves.toMatchObject({ changed: 1 });
    expect((await world.view()).credential.declaration).toEqual(aDeclaration({ owner }));
  });

  test('keeps what the step has written meanwhile', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'promoteKey' });
    let promoted = false;
    await redeclare(world, { owner: { name: 'another-team' } }, async (call, effect) => {
      if (call.method === 'commit' && !promoted) {
        promoted = true;
        await runWorkflow(world, ref, { until: 'checkDrain', meanwhile: async () => {} });
      }
      return effect();
    });
    expect((await world.view()).credential).toMatchObject({
      currentGeneration: 2,
      activeRotation: ref.rotationId,
      dueAt: null,
      declaration: { owner: { name: 'another-team' } },
    });
    await expectSoundAudit(world);
  });

  test('gives up when the row never rests, and names it as one that could not be registered', async () => {
    const world = await aWorldWithKey();
    const hook: Hook = async (call, effect) => {
      if (call.method === 'commit') throw new LedgerChanged('a step was faster');
      return effect();
    };
    const before = world.ledger.rows();
    await expect(redeclare(world, { owner: { name: 'another-team' } }, hook)).rejects.toThrow(
      '1 of 1 credentials could not be registered, all others are:\n- a step was faster',
    );
    expect(world.ledger.rows()).toEqual(before);
  });
});

describe('a credential that has keys', () => {
  test.each([
    ['issuer', { issuer: 'another' }, 'cannot change its issuer from'],
    [
      'secret',
      { secret: { name: 'keyturn/elsewhere', format: 'text' as const } },
      'cannot change its secret from',
    ],
    ['first key', { adopt: { keyId: 'key-9' } }, 'cannot change its adopt to "key-9"'],
  ])('keeps its %s', async (_what, change, text) => {
    const world = await aWorldWithKey();
    const before = world.ledger.rows();
    await expect(redeclare(world, change)).rejects.toThrow(text);
    expect(world.ledger.rows()).toEqual(before);
  });

  test('a credential without one may change both, and has its first key there', async () => {
    const world = await aWorld();
    const secret = { name: 'keyturn/elsewhere', format: 'text' as const };
    await expect(redeclare(world, { secret })).resolves.toMatchObject({ changed: 1 });
    await runWorkflow(world, await world.nextRotation());
    const versions = await world.secrets.versions('keyturn/elsewhere');
    expect([...(versions?.values() ?? [])].flat()).toContain('keyturn-1');
    await expect(world.secrets.versions(world.secretName)).resolves.toBeUndefined();
  });
});

describe('a credential that is blocked', () => {
  async function blocked() {
    const world = await aWorldWithKey({ capabilities: { named: false, exclusive: false } });
    world.issuer.createThenFail();
    await runWorkflow(world, await world.nextRotation());
    expect((await world.view()).credential).toMatchObject({ status: 'blocked', dueAt: null });
    return world;
  }

  test('stays so when something else of it is declared: a person looks, then asks', async () => {
    const world = await blocked();
    await redeclare(world, { owner: { name: 'platform' } });
    expect((await world.view()).credential).toMatchObject({
      status: 'blocked',
      dueAt: null,
      declaration: { owner: { name: 'platform' } },
    });
  });

  test('stays so when it is removed and declared again', async () => {
    const world = await blocked();
    await world.redeploy('without it');
    expect((await world.view()).credential).toMatchObject({ dueAt: world.clock.now() });
    await world.redeploy({});
    expect((await world.view()).credential).toMatchObject({
      status: 'blocked',
      dueAt: null,
      removedAt: null,
    });
  });
});

test('a credential that has keys keeps the format of its secret', async () => {
  const { name } = aDeclaration().secret;
  const world = await aWorldWithKey({ declaration: { secret: { name, format: 'text' } } });
  const before = world.ledger.rows();
  await expect(redeclare(world, {})).rejects.toThrow(
    `cannot change its secret from ${name} (text) to ${name} (field apiKey)`,
  );
  expect(world.ledger.rows()).toEqual(before);
});

test('which key is adopted can be corrected once the adoption has ended, and says so until then', async () => {
  const world = await aWorldToAdopt();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'verifyKey' });
  const correct = () => redeclare(world, { adopt: { keyId: 'key-9' } });
  await expect(correct()).rejects.toThrow(
    /cannot change its adopt to "key-9" now: deploy again when that has ended/,
  );
  world.issuer.distortProbes(() => 'dead');
  await runWorkflow(world, ref);
  await expect(correct()).resolves.toMatchObject({ changed: 1 });
});
