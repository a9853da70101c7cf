/** How a consumer lives with a key that changes: cached, read again when it must be, and never used for too long. */
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { keyturnClient } from '../../lib/client/client.ts';
import { holdsSecret } from '../support/expect-no-secret.ts';
import { SENTINEL } from '../support/sentinel.ts';
import { anIssuer, aWorld, keyOf, secretId, versionOf } from './a-world.ts';

const npm = { id: 'npm-token', secretId };

beforeEach(() => void vi.useFakeTimers({ now: new Date('2026-11-21T10:00:00.000Z') }));
afterEach(() => void vi.useRealTimers());

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);

describe('the key', () => {
  test('is the field apiKey of the current version, read by nobody before its first use', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    expect(world.reads()).toBe(0);
    expect(await credential.use((key) => key === keyOf(1))).toBe(true);
    expect(world.secrets.commandCalls(GetSecretValueCommand)[0]?.args[0].input).toEqual({
      SecretId: secretId,
      VersionStage: 'AWSCURRENT',
    });
  });

  test('can be another field, or the whole text', async () => {
    const world = aWorld();
    const [token, text] = [
      world.client.credential({ ...npm, field: 'token' }),
      world.client.credential({ ...npm, id: 'other', field: null }),
    ];
    world.store('{"token":"from the field"}', versionOf(1));
    expect(await token.key()).toBe('from the field');
    world.store('just this', versionOf(2));
    expect(await text.key()).toBe('just this');
  });

  test('is read once by many callers at the same time', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    await Promise.all(Array.from({ length: 50 }, () => credential.use(anIssuer(1).call)));
    expect(world.reads()).toBe(1);
  });

  test('is read again after cacheFor', async () => {
    const world = aWorld({ cacheFor: 30 });
    const credential = world.client.credential(npm);
    await credential.key();
    world.promote(2);
    await seconds(29);
    expect(await credential.key()).toBe(keyOf(1));
    await seconds(1);
    expect(await credential.key()).toBe(keyOf(2));
    expect(world.reads()).toBe(2);
  });
});

test('with cacheFor 0 the key is read before each call', async () => {
  const world = aWorld();
  const credential = world.client.credential({ ...npm, cacheFor: 0 });
  for (const generation of [1, 2, 3]) {
    world.promote(generation);
    expect(await credential.key()).toBe(keyOf(generation));
  }
  expect(world.reads()).toBe(3);
});

describe('when Secrets Manager cannot be read', () => {
  const down = Object.assign(new Error('try later'), { name: 'ThrottlingException' });

  test('a key in memory is used on, up to keepFor, and the failure is observed', async () => {
    const world = aWorld({ cacheFor: 30, keepFor: 600 });
    const credential = world.client.credential(npm);
    await credential.key();
    world.secrets.on(GetSecretValueCommand).rejects(down);
    for (let second = 20; second < 600; second += 20) {
      await seconds(20);
      expect(await credential.key()).toBe(keyOf(1));
    }
    expect(world.events.at(-2)).toMatchObject({ kind: 'read-failed', credential: 'npm-token' });
    await seconds(20);
    await expect(credential.key()).rejects.toMatchObject({
      name: 'KeyUnavailable',
      message: `credential npm-token: secret ${secretId} cannot be read (ThrottlingException: try later)`,
    });
  });

  test('a key that nobody asks for is let go after cacheFor, so that an idle process holds up no rotation', async () => {
    const world = aWorld({ cacheFor: 30, keepFor: 600, reportEvery: 10 });
    const credential = world.client.credential(npm);
    await credential.key();
    await seconds(30);
    world.secrets.on(GetSecretValueCommand).rejects(down);
    await expect(credential.key()).rejects.toMatchObject({ name: 'KeyUnavailable' });
  });

  test('not every use tries to read while a key is in memory', async () => {
    const world = aWorld({ cacheFor: 30 });
    const credential = world.client.credential(npm);
    await credential.key();
    world.secrets.on(GetSecretValueCommand).rejects(down);
    await seconds(30);
    for (let use = 0; use < 10; use += 1) await credential.key();
    expect(world.reads()).toBe(2);
    await seconds(5);
    await credential.key();
    expect(world.reads()).toBe(3);
  });

  test('a clock that is set back makes no key young again', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    await credential.key();
    world.promote(2);
    vi.setSystemTime(new Date('2026-11-21T09:00:00.000Z'));
    expect(await credential.key()).toBe(keyOf(2));
  });
});

describe('a refusal', () => {
  test('has the key read again, and the call made once more with the new one', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    await credential.use(anIssuer(1).call);
    world.promote(2);
    const issuer = anIssuer(2);
    expect(await credential.use(issuer.call)).toEqual({ status: 200 });
    expect(issuer.seen).toEqual(['1', '2']);
    expect(world.events).toEqual([
      {
        kind: 'called',
        credential: 'npm-token',
        versionId: versionOf(1),
        generation: 1,
        outcome: 'accepted',
      },
      { kind: 'called', credential: 'npm-token', versionId: versionOf(1), generation: 1, outcome: 'refused' },
      {
        kind: 'called',
        credential: 'npm-token',
        versionId: versionOf(2),
        generation: 2,
        outcome: 'accepted',
      },
    ]);
  });

  test('is handed to the caller when there is no other key, and reading on is spared', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    const issuer = anIssuer();
    for (let use = 0; use < 10; use += 1) expect(await credential.use(issuer.call)).toEqual({ status: 401 });
    expect(issuer.seen).toHaveLength(10);
    expect(world.reads()).toBe(2);
    await seconds(5);
    await credential.use(issuer.call);
    expect(world.reads()).toBe(3);
  });

  test('is tried again once, not for ever', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    await credential.key();
    world.promote(2);
    const issuer = anIssuer();
    expect(await credential.use(issuer.call)).toEqual({ status: 401 });
    expect(issuer.seen).toEqual(['1', '2']);
  });

  test('of many calls at the same time has the key read once', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    await credential.key();
    world.promote(2);
    const answers = await Promise.all(Array.from({ length: 20 }, () => credential.use(anIssuer(2).call)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(world.reads()).toBe(2);
  });

  test('is handed to the caller when the key cannot be read again', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    await credential.key();
    world.secrets.on(GetSecretValueCommand).rejects(new Error('down'));
    expect(await credential.use(anIssuer(2).call)).toEqual({ status: 401 });
  });

  test('can be what the caller says it is, thrown or returned', async () => {
    const world = aWorld();
    const credential = world.client.credential(npm);
    await credential.key();
    world.promote(2);
    const refused = (text: string) => text === 'no';
    expect(await credential.use((key) => (key === keyOf(2) ? 'yes' : 'no'), { refused })).toBe('yes');
    world.promote(3);
    const thrown = Object.assign(new Error('unauthorized'), { status: 401 });
    const strict = (key: string) => (key === keyOf(3) ? Promise.resolve('yes') : Promise.reject(thrown));
    expect(await credential.use(strict)).toBe('yes');
    await expect(credential.use(() => Promise.reject(thrown))).rejects.toBe(thrown);
  });
});

test('what a call throws goes to the caller untouched, and the call is not repeated', async () => {
  const world = aWorld();
  const failure = new Error('the network is down');
  const call = vi.fn(() => Promise.reject(failure));
  await expect(world.client.credential(npm).use(call)).rejects.toBe(failure);
  expect(call).toHaveBeenCalledTimes(1);
  expect(world.events).toMatchObject([{ kind: 'called', outcome: 'unknown' }]);
});

describe('a secret without a usable key', () => {
  test.each([
    ['as text', 'keyturn:key-not-issued'],
    ['as JSON', '{"keyturn":"key-not-issued"}'],
  ])('is told apart when the first key has not been issued, %s', async (_, placeholder) => {
    const world = aWorld();
    world.store(placeholder, versionOf(1));
    await expect(world.client.credential(npm).key()).rejects.toMatchObject({
      name: 'KeyNotIssued',
      message: expect.stringContaining('credential npm-token has no key yet'),
    });
  });

  test.each([
    ['is no JSON', `${SENTINEL} and no JSON`],
    ['has no such field', JSON.stringify({ token: SENTINEL })],
    ['has no text in it', JSON.stringify({ apiKey: { nested: SENTINEL } })],
  ])('says what was expected when it %s, and not what was found', async (_, text) => {
    const world = aWorld();
    world.store(text, versionOf(1));
    const error: unknown = await world.client
      .credential(npm)
      .key()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'KeyUnreadable', message: expect.stringContaining('field apiKey') });
    expect(holdsSecret(error)).toBe(false);
  });

  test('never has a broken response quoted', async () => {
    const world = aWorld();
    const broken = Object.assign(new SyntaxError(`Unexpected token in "${SENTINEL}"`), {
      $responseBodyText: SENTINEL,
    });
    world.secrets.on(GetSecretValueCommand).rejects(broken);
    const error: unknown = await world.client
      .credential(npm)
      .key()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'KeyUnavailable' });
    expect(holdsSecret(error)).toBe(false);
    expect(holdsSecret(world.events)).toBe(false);
  });
});

describe('a mistake in the program', () => {
  const { secretsManager, sqs } = { secretsManager: { send: vi.fn() }, sqs: { send: vi.fn() } };

  test.each([
    ['a bound that is too long', { keepFor: 3601 }, 'keepFor is 3601, expected 0 to 3600 seconds'],
    ['a cache longer than the bound', { keepFor: 60, cacheFor: 61 }, 'cacheFor is 61'],
    ['a queue without a client', { queueUrl: 'https://queue' }, 'option sqs is missing'],
    ['a client without a queue', { sqs }, 'option queueUrl is missing'],
    ['an interval below none', { sqs, queueUrl: 'https://queue', reportEvery: -1 }, 'reportEvery is -1'],
  ])('is named: %s', (_, options, text) => {
    expect(() => keyturnClient({ consumer: 'mirror', secretsManager, ...options })).toThrow(text);
  });

  test('is named: a second handle on a credential, a 26th credential', () => {
    const { client } = aWorld();
    for (let n = 0; n < 25; n += 1) client.credential({ id: `credential-${n}`, secretId });
    expect(() => client.credential({ id: 'credential-1', secretId })).toThrow('has a handle already');
    expect(() => client.credential({ id: 'credential-25', secretId })).toThrow('make another client');
  });
});
