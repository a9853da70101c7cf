import { describe, expect, test } from 'vitest';
import type { SecretShape } from '../../lib/rotation/credential.ts';
import { registerCredentials } from '../../lib/rotation/register-credentials.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { sweepDue } from '../../lib/rotation/sweep-due.ts';
import { plus } from '../../lib/usage/instant.ts';
import { aCredential, aDeclaration, aKey } from '../support/builders.ts';
import { registrationOf } from '../support/commits.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { SENTINEL } from '../support/sentinel.ts';
import { aWorld, type World, type WorldOptions } from '../support/world.ts';
import { expectEvents, expectOneKey, expectSoundAudit } from './invariants.ts';
import { aWorldToAdopt, fillByHand, versionByHand } from './scenarios.ts';

const day = 86_400;
const name = 'keyturn/demo/billing-agent';
const { grace } = aDeclaration().policy;

const plainJson: SecretShape = { name, format: 'json', fields: { secret: 'apiKey' } };

async function adopted(options: WorldOptions = {}) {
  const world = await aWorldToAdopt(options);
  const ref = await world.nextRotation();
  const run = await runWorkflow(world, ref);
  return { world, ref, run };
}

describe('an adopted key', () => {
  test('becomes the first generation, and none is made', async () => {
    const { world, ref, run } = await adopted();
    expect(run.entered).toEqual(['begin', 'verifyKey', 'promoteKey', 'complete']);
    expect(await world.rotation(ref)).toMatchObject({ kind: 'adopt', phase: 'completed', generation: 1 });
    await expectOneKey(world);
    const [key] = await world.keys();
    expect(key).toMatchObject({ generation: 1, keyId: 'key-1', versionId: versionByHand, status: 'current' });
    expect(key?.lastProbedAt).not.toBeNull();
    expect(world.issuer.calls.map(({ verb }) => verb)).not.toContain('create');
    await expectSoundAudit(world);
    await expectEvents(world, ref, ['Rotation Started', 'Rotation Completed']);
  });

  test('keeps its version, under a stage that Secrets Manager keeps it for', async () => {
    const world = await aWorldToAdopt();
    const before = await world.secrets.read(name, versionByHand);
    await runWorkflow(world, await world.nextRotation());
    expect([...((await world.secrets.versions(name)) ?? [])]).toEqual([
      [versionByHand, ['AWSCURRENT', 'keyturn-1']],
    ]);
    expect((await world.secrets.read(name, versionByHand)).reveal() === before.reveal()).toBe(true);
  });

  test('is as old as its issuer says, and due by that', async () => {
    const { world } = await adopted();
    const { credential, keys } = await world.view();
    const [byHand] = world.issuer.keys();
    expect(keys[0]?.mintedAt).toBe(byHand?.createdAt);
    expect(credential.dueAt).toBe(plus(byHand?.createdAt ?? '', 90 * day));
    expect(credential.lastPromotedAt).toBeNull();
  });

  test('that is older than it should be is not rotated within a day, so that somebody can look first', async () => {
    const { world, ref } = await adopted({ declaration: { policy: { rotateEvery: 30 * day, grace } } });
    const { endedAt } = { endedAt: '', ...(await world.rotation(ref)) };
    expect((await world.view()).credential.dueAt).toBe(plus(endedAt, day));
  });

  test('counts as new where the issuer has no lists', async () => {
    const { world, ref } = await adopted({ capabilities: { list: false } });
    const { startedAt } = await world.rotation(ref);
    const [key] = await world.keys();
    expect((key?.mintedAt ?? '') >= startedAt).toBe(true);
  });

  test('may be the whole text of its secret', async () => {
    const world = await aWorldToAdopt(
      { declaration: { secret: { name, format: 'text' } } },
      (value) => value,
    );
    await runWorkflow(world, await world.nextRotation());
    await expectOneKey(world);
  });

  test('may stand beside constants, which its successor has as well', async () => {
    const constants = { url: 'https://api.example.com' };
    const secret: SecretShape = { ...plainJson, constants };
    const world = await aWorldToAdopt({ declaration: { secret } }, (apiKey) =>
      JSON.stringify({ apiKey, ...constants }),
    );
    await runWorkflow(world, await world.nextRotation());
    await runWorkflow(world, await world.nextRotation());
    await expectOneKey(world);
    expect((await world.view()).credential.currentGeneration).toBe(2);
    const text = await world.secrets.read(name, (await world.currentVersion()) ?? '');
    expect(JSON.parse(text.reveal())).toMatchObject(constants);
  });

  test('is revoked and proven dead by the rotation after it', async () => {
    const { world } = await adopted();
    await world.report();
    world.clock.advance(50 * day);
    await world.report();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({ kind: 'rotate', phase: 'completed', oldGeneration: 1 });
    expect((await world.keys()).map(({ keyId, status, proof }) => [keyId, status, proof?.by])).toEqual([
      ['key-1', 'dead', 'refusal'],
      ['key-2', 'current', undefined],
    ]);
    await expectOneKey(world);
    expect((await world.secrets.versions(name))?.get(versionByHand)).toEqual(['AWSPREVIOUS']);
  });

  test('is adopted once: a registration of the same declaration changes nothing', async () => {
    const { world } = await adopted();
    const before = world.ledger.rows();
    await expect(world.redeploy({ adopt: { keyId: 'key-1' } })).resolves.toMatchObject({ unchanged: 1 });
    expect(world.ledger.rows()).toEqual(before);
  });
});

/** What makes an adoption impossible: the declaration, and what somebody has put where. */
interface Obstacle {
  readonly declaration?: WorldOptions['declaration'];
  readonly arrange?: (world: World, key: { readonly secret: SecretText }) => Promise<void> | void;
  /** Text of the secret; undefined when there is none. */
  readonly text?: (value: string) => string | undefined;
  readonly says: RegExp;
}

const obstacles: Readonly<Record<string, Obstacle>> = {
  'the issuer does not list its id': {
    declaration: { secret: plainJson, adopt: { keyId: 'key-404' } },
    text: (apiKey) => JSON.stringify({ apiKey }),
    says: /^KeyRefused: issuer openai does not list key key-404/,
  },
  'the issuer does not accept its value': {
    arrange: ({ issuer }) => issuer.distortProbes(() => 'dead'),
    says: /^KeyRefused: issuer openai does not accept key key-1/,
  },
  'its value belongs to another id': {
    arrange: ({ issuer }) => void issuer.addForeignKey(),
    declaration: { adopt: { keyId: 'key-2' } },
    text: (apiKey) => JSON.stringify({ apiKey, keyId: 'key-2' }),
    says: /^KeyRefused: issuer openai does not accept key key-2/,
  },
  'the probe would accept anything': {
    arrange: ({ issuer }) => issuer.distortProbes(() => 'alive'),
    says: /^ProbeUntrusted/,
  },
  'its secret has fields that are not declared': {
    text: (apiKey) =>
      JSON.stringify({ apiKey, keyId: 'key-1', password: `${SENTINEL}-p`, user: 'hidden-user' }),
    says: /^InvalidInput: secret \S+ has fields that keyturn.yaml does not declare: password, user\./,
  },
  'a constant of its secret is another': {
    declaration: { secret: { ...plainJson, constants: { url: 'https://a.example.com' } } },
    text: (apiKey) => JSON.stringify({ apiKey, url: 'https://hidden-host.example.com' }),
    says: /^InvalidInput: secret \S+ holds something else than keyturn.yaml says in: url\./,
  },
  'its secret names another key id': {
    text: (apiKey) => JSON.stringify({ apiKey, keyId: 'key-7' }),
    says: /^InvalidInput: secret \S+ holds something else than keyturn.yaml says in: keyId\./,
  },
  'Secrets Manager rotates its secret': {
    arrange: ({ secrets }) => secrets.rotateNatively(name),
    says: /^InvalidInput: secret \S+ is rotated by Secrets Manager itself: turn that off/,
  },
  'its secret is encrypted with another KMS key': {
    declaration: {
      secret: { ...plainJson, kmsKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/declared' },
    },
    text: (apiKey) => JSON.stringify({ apiKey }),
    says: /^InvalidInput: secret \S+ is encrypted with \S+:key\/actual, its prefix .* says \S+:key\/declared/,
  },
  'there is no such secret': {
    text: () => undefined,
    says: /^InvalidInput: there is no secret keyturn\/demo\/billing-agent with a value to adopt/,
  },
  'its secret has not the declared shape': {
    text: (value) => value,
    says: /^InvalidInput: secret \S+ is declared as json but its value is not JSON/,
  },
  'another credential has it': {
    arrange: async ({ ledger }) => {
      const credential = aCredential({ id: 'mirror', status: 'active', dueAt: null });
      const key = aKey({ credentialId: 'mirror', keyId: 'key-1' });
      await ledger.commit({ ...registrationOf(credential), keys: [key] });
    },
    says: /^InvalidInput: key key-1 of issuer openai belongs to credential "mirror" already/,
  },
  'it is shorter than 20 characters': {
    text: (value) => JSON.stringify({ apiKey: value.slice(-19), keyId: 'key-1' }),
    says: /^InvalidInput: the key in secret \S+ is shorter than 20 characters/,
  },
};

async function refused({ declaration, arrange, text, says }: Obstacle) {
  const world = await aWorld({ declaration: { adopt: { keyId: 'key-1' }, ...declaration } });
  const key = world.issuer.addForeignKey();
  const value = key.secret.reveal();
  const filled = text ? text(value) : JSON.stringify({ apiKey: value, keyId: 'key-1' });
  const kmsKeyArn = 'arn:aws:kms:eu-central-1:111122223333:key/actual';
  if (filled) await fillByHand(world, new SecretText(filled), kmsKeyArn);
  world.clock.advance(40 * day);
  await arrange?.(world, key);
  world.clock.advance(60);
  const before = await outside(world);
  const ref = await world.nextRotation();
  const run = await runWorkflow(world, ref);
  expect(await world.rotation(ref)).toMatchObject({
    phase: 'abandoned',
    reason: expect.stringMatching(says),
  });
  return { world, ref, run, before };
}

/** All that an adoption must leave alone. */
async function outside(world: World): Promise<unknown> {
  return {
    keys: world.issuer.keys(),
    versions: await world.secrets.versions(name),
    text: (await world.secrets.versions(name)) && (await world.secrets.read(name, versionByHand)).reveal(),
  };
}

describe.each(Object.entries(obstacles))('a key is not adopted when %s', (_name, obstacle) => {
  test('and secret, issuer and ledger keep what they had', async () => {
    const { world, run, before } = await refused(obstacle);
    expect(await outside(world)).toEqual(before);
    expect(await world.keys()).toEqual([]);
    const verbs = world.issuer.calls.map(({ verb }) => verb);
    for (const verb of ['create', 'revoke', 'disable']) expect(verbs).not.toContain(verb);
    expect(run.entered).toEqual(['begin', 'verifyKey', 'abandon']);
    expect((await world.view()).credential).toMatchObject({
      status: 'new',
      activeRotation: null,
      currentGeneration: 0,
      failures: 1,
      dueAt: plus(world.clock.now(), 900),
    });
  });

  test('and no value shows up in what is told', async () => {
    const { world, run } = await refused(obstacle);
    expectNoSecret(world.ledger.rows(), world.events.events, run);
    expect(JSON.stringify([world.ledger.rows(), world.events.events])).not.toMatch(/hidden-/);
  });
});

describe('after a refused adoption', () => {
  test('a corrected declaration is due at once, and goes on to the end', async () => {
    const world = await aWorldToAdopt({ declaration: { adopt: { keyId: 'key-404' } } });
    await runWorkflow(world, await world.nextRotation());
    expect((await world.view()).credential).toMatchObject({ status: 'new', failures: 1 });
    await expect(world.redeploy({ adopt: { keyId: 'key-1' } })).resolves.toMatchObject({ changed: 1 });
    const ref = await world.nextRotation();
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ started: 1 });
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({ kind: 'adopt', phase: 'completed', generation: 2 });
    await expectOneKey(world);
    expect((await world.view()).credential.failures).toBe(0);
  });

  test('a declaration without "adopt" does not overwrite what the secret holds', async () => {
    const world = await aWorldToAdopt({ declaration: { adopt: { keyId: 'key-404' } } });
    await runWorkflow(world, await world.nextRotation());
    await registerCredentials(world.ports(), {
      issuers: { openai: { type: 'memory' } },
      targets: {},
      accounts: {},
      prefixes: ['keyturn/'],
      credentials: { [world.credentialId]: aDeclaration() },
    });
    const ref = await world.nextRotation();
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'abandoned',
      reason: expect.stringMatching(/^SecretChangedOutside/),
    });
    expect(await world.currentVersion()).toBe(versionByHand);
  });
});

test('a credential that is removed before its key is adopted is given up, and the key left alone', async () => {
  const world = await aWorldToAdopt();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'verifyKey' });
  const before = await outside(world);
  await world.redeploy('without it');
  await runWorkflow(world, ref);
  expect(await world.rotation(ref)).toMatchObject({
    phase: 'abandoned',
    reason: expect.stringMatching(/^CredentialRemoved: .*: its key is left alone$/),
  });
  world.clock.advance(60);
  const retirement = await world.nextRotation();
  await sweepDue(world.ports());
  await runWorkflow(world, retirement);
  expect((await world.view()).credential).toMatchObject({ status: 'retired', activeRotation: null });
  expect(await world.keys()).toEqual([]);
  expect(await outside(world)).toEqual(before);
  expect(world.issuer.liveKeys()).toHaveLength(1);
});
