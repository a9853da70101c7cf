/** Access keys of an IAM user with the real SDK clients, on a fake of IAM and STS. */
import { describe, expect, test, vi } from 'vitest';
import { iamAccessKeys } from '../../lib/aws/iam-access-keys.ts';
import { checkAccountsApart } from '../../lib/config/block-rules.ts';
import {
  connectIssuer,
  issuerAccount,
  issuerBlockSchema,
  issuerCapabilities,
  issuerPermissions,
} from '../../lib/issuers/index.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { issuerContract } from '../contract/issuer-contract.ts';
import { awsIamIssuer } from '../fakes/aws-iam-issuer.ts';
import { type ManualClock, manualClock } from '../fakes/manual-clock.ts';
import { failureOf } from '../support/failure-of.ts';
import { anIssuerWorld } from './an-issuer-world.ts';

const block = { type: 'aws-iam', user: '/keyturn/billing-agent' };

function anIssuer(change: Readonly<Record<string, unknown>> = {}, milliseconds = 5_000) {
  const clock = manualClock();
  const iam = awsIamIssuer({ clock });
  const accessKeys = iamAccessKeys({ client: iam.client, milliseconds: () => milliseconds });
  const issuer = connectIssuer({ ...block, ...change }, anIssuerWorld({ clock, accessKeys }));
  return { clock, iam, issuer };
}

const lag = (clock: ManualClock) => clock.advance(15);

issuerContract('aws-iam', async () => ({ ...anIssuer(), lagsExactly: true }));

describe('the two keys that a user may have', () => {
  test('are named when there is no room for a third, the inactive one too', async () => {
    const { clock, iam, issuer } = anIssuer();
    const foreign = iam.addForeignKey('Inactive');
    const { keyId } = await issuer.create({ label: 'first' });
    lag(clock);
    const error = await failureOf(issuer.create({ label: 'second' }));
    expect(error.name).toBe('IssuerRejected');
    expect(error.message).toBe(
      `user billing-agent has ${foreign} (Inactive) and ${keyId} (Active) and no room for another access key: IAM allows two, inactive ones too, so delete the one that nobody needs`,
    );
  });

  test('are listed from all pages, with the time of their creation, inactive ones too', async () => {
    const { clock, iam, issuer } = anIssuer();
    const createdAt = clock.now();
    const active = iam.addForeignKey('Active');
    const inactive = iam.addForeignKey('Inactive');
    lag(clock);
    expect(await issuer.list()).toEqual([
      { keyId: active, createdAt },
      { keyId: inactive, createdAt },
    ]);
    expect(iam.calls).toEqual(['ListAccessKeys', 'ListAccessKeys']);
  });

  test('leave room again as soon as one is revoked', async () => {
    const { issuer } = anIssuer();
    const { keyId } = await issuer.create({ label: 'first' });
    await issuer.create({ label: 'second' });
    await issuer.revoke(keyId);
    expect((await issuer.create({ label: 'third' })).keyId).not.toBe(keyId);
  });
});

describe('a probe', () => {
  test('calls a key dead until it is known everywhere, and alive until its end is', async () => {
    const { clock, issuer } = anIssuer();
    const { keyId, secret } = await issuer.create({ label: 'young' });
    expect(await issuer.probe(secret, keyId)).toBe('dead');
    lag(clock);
    expect(await issuer.probe(secret, keyId)).toBe('alive');
    await issuer.revoke(keyId);
    expect(await issuer.probe(secret, keyId)).toBe('alive');
    lag(clock);
    expect(await issuer.probe(secret, keyId)).toBe('dead');
  });

  test('does not call a key dead because its secret is another', async () => {
    const { clock, issuer } = anIssuer();
    const { keyId } = await issuer.create({ label: 'live' });
    lag(clock);
    expect(await issuer.probe(new SecretText('another secret of this length'), keyId)).toBe('unknown');
  });

  test.each([
    { status: 400, name: 'Throttling' },
    { status: 403, name: 'ExpiredToken' },
    { status: 500, name: 'InternalFailure' },
    'break' as const,
  ])('knows nothing after %o, and asks once', async (failure) => {
    const { clock, iam, issuer } = anIssuer();
    const { keyId, secret } = await issuer.create({ label: 'live' });
    lag(clock);
    iam.failNext(failure);
    expect(await issuer.probe(secret, keyId)).toBe('unknown');
    expect(iam.calls).toEqual(['CreateAccessKey', 'GetCallerIdentity']);
  });
});

describe('the last use of a key', () => {
  test('is that of anybody, our own probes included, and none for a key that was never used', async () => {
    const { clock, issuer } = anIssuer();
    const { keyId, secret } = await issuer.create({ label: 'any' });
    lag(clock);
    const used = clock.now();
    await issuer.probe(secret, keyId);
    clock.advance(4 * 3600 - 1);
    expect(await issuer.lastUse(keyId)).toEqual({ lastUsedAt: null, lastDeniedAt: null });
    clock.advance(1);
    expect(await issuer.lastUse(keyId)).toEqual({ lastUsedAt: used, lastDeniedAt: null });
  });

  test.each([
    ['<UserName>mail-agent</UserName>', 'user mail-agent'],
    ['', 'no user'],
  ])('is not taken from an answer that is not about the declared user: %j', async (user, named) => {
    const { iam, issuer } = anIssuer();
    iam.answerNext(
      `<GetAccessKeyLastUsedResponse><GetAccessKeyLastUsedResult>${user}<AccessKeyLastUsed></AccessKeyLastUsed></GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>`,
    );
    expect(await failureOf(issuer.lastUse('AKIAIOSFODNN0001'))).toMatchObject({
      name: 'IssuerRejected',
      message: `iam:GetAccessKeyLastUsed of AKIAIOSFODNN0001 of user billing-agent was answered about ${named}`,
    });
  });

  test('is never asked for when the block says none, and takes no right then', async () => {
    const { iam, issuer } = anIssuer({ lastUsedLag: 'none' });
    expect(issuer.capabilities.lastUsedLag).toBeNull();
    expect(await failureOf(issuer.lastUse('AKIAIOSFODNN0001'))).toMatchObject({
      name: 'IssuerRejected',
      message: expect.stringContaining('lastUsedLag: none'),
    });
    expect(iam.calls).toEqual([]);
    expect(issuerPermissions({ ...block, lastUsedLag: 'none' }).lastUse).toEqual([]);
  });
});

describe('a create', () => {
  test('is sent once, even when its answer is lost: a second one would make a second key', async () => {
    const { clock, iam, issuer } = anIssuer();
    iam.failNext('break');
    expect((await failureOf(issuer.create({ label: 'lost' }))).name).toBe('IssuerUnavailable');
    expect(iam.calls).toEqual(['CreateAccessKey']);
    lag(clock);
    expect(await issuer.list()).toHaveLength(1);
  });

  test('whose answer cannot be read leaves nobody knowing, and its text unsaid', async () => {
    const { clock, iam, issuer } = anIssuer();
    await issuer.create({ label: 'one' });
    lag(clock);
    iam.answerNext('<CreateAccessKeyResponse><SecretAccessKey>SENTINEL-sk-7Qm2vX9tLr4WbZ8n');
    expect((await failureOf(issuer.create({ label: 'two' }))).name).toBe('IssuerUnavailable');
    iam.answerNext('<CreateAccessKeyResponse></CreateAccessKeyResponse>');
    expect((await failureOf(issuer.create({ label: 'two' }))).message).toBe(
      'iam:CreateAccessKey for user billing-agent gave no key',
    );
  });

  test('is not sent when the invocation has no time left', async () => {
    const { iam, issuer } = anIssuer({}, 0);
    const error = await failureOf(issuer.create({ label: 'late' }));
    expect(error.name).toBe('IssuerUnavailable');
    expect(error.message).toContain('the invocation has no time left');
    expect(iam.calls).toEqual([]);
  });
});

describe('a refused call', () => {
  test.each([
    [{ status: 400, name: 'Throttling' }, 'IssuerUnavailable'],
    [{ status: 500, name: 'ServiceFailure' }, 'IssuerUnavailable'],
    [{ status: 503, name: 'ServiceUnavailable' }, 'IssuerUnavailable'],
    [{ status: 403, name: 'AccessDenied' }, 'IssuerRejected'],
    [{ status: 400, name: 'ValidationError' }, 'IssuerRejected'],
  ] as const)('with %o is %s, without a word of its message', async (failure, name) => {
    const { iam, issuer } = anIssuer();
    const verbs = [
      () => issuer.create({ label: 'any' }),
      () => issuer.list(),
      () => issuer.revoke('AKIAIOSFODNN0001'),
      () => issuer.disable('AKIAIOSFODNN0001'),
      () => issuer.lastUse('AKIAIOSFODNN0001'),
    ];
    for (const verb of verbs) {
      iam.failNext(failure);
      const error = await failureOf(verb());
      expect(error.name).toBe(name);
      expect(error.message).toContain(failure.name);
    }
  });

  test('for want of a right says where to look', async () => {
    const { iam, issuer } = anIssuer();
    iam.failNext({ status: 403, name: 'AccessDenied' });
    expect((await failureOf(issuer.list())).message).toBe(
      "iam:ListAccessKeys of user billing-agent was refused with AccessDenied: the role may act on the declared user only: see whether the path in the issuer's `user` is the real one",
    );
  });

  test('about a user that is not there says to make it', async () => {
    const { issuer } = anIssuer({ user: '/keyturn/nobody' });
    const error = await failureOf(issuer.create({ label: 'any' }));
    expect(error.name).toBe('IssuerRejected');
    expect(error.message).toContain('make the user');
  });

  test('to disable a key that is not there is no success', async () => {
    const { issuer } = anIssuer();
    expect((await failureOf(issuer.disable('AKIAIOSFODNN0009'))).name).toBe('IssuerRejected');
  });
});

describe('the block', () => {
  test('is accepted again as it was stored, with its defaults', () => {
    const stored = issuerBlockSchema.parse(block);
    const lags = { createLag: '15s', revokeLag: '15s', lastUsedLag: '4h' };
    expect(stored).toEqual({ ...block, ...lags, exclusive: false, probes: 3 });
    expect(issuerBlockSchema.parse(stored)).toEqual(stored);
  });

  test.each(['billing-agent', '/keyturn/', '/keyturn/*', '/keyturn//x', '/${Account}/x', '/a b', ''])(
    'refuses %j for a user',
    (user) => {
      expect(issuerBlockSchema.safeParse({ ...block, user }).success).toBe(false);
    },
  );

  test('knows no admin secret', () => {
    expect(issuerBlockSchema.safeParse({ ...block, admin: 'admin/aws' }).success).toBe(false);
  });

  test('gives each call its one right, on the one user', () => {
    const resources = ['arn:${Partition}:iam::${Account}:user/keyturn/billing-agent'];
    const rights = (...actions: readonly string[]) => [{ kind: 'iam', actions, resources }];
    expect(issuerPermissions(block)).toEqual({
      create: rights('iam:CreateAccessKey', 'iam:ListAccessKeys'),
      list: rights('iam:ListAccessKeys'),
      probe: [],
      lastUse: rights('iam:GetAccessKeyLastUsed'),
      disable: rights('iam:UpdateAccessKey'),
      revoke: rights('iam:DeleteAccessKey'),
    });
  });

  test.each(['/keyturn/billing-agent', '/other/billing-agent', '/keyturn/Billing-Agent'])(
    'is one account with another block for %s',
    (user) => {
      const [one, copy] = [issuerBlockSchema.parse(block), issuerBlockSchema.parse({ ...block, user })];
      const report = vi.fn();
      checkAccountsApart(
        new Map([
          ['one', one],
          ['copy', copy],
        ]),
        report,
      );
      expect(report.mock.calls).toEqual([
        [
          expect.objectContaining({
            path: ['issuers', 'copy'],
            text: expect.stringContaining('issuers.one'),
          }),
        ],
      ]);
    },
  );

  test('is another account for another user', () => {
    const copy = issuerBlockSchema.parse({ ...block, user: '/keyturn/mail-agent' });
    const report = vi.fn();
    checkAccountsApart(
      new Map([
        ['one', issuerBlockSchema.parse(block)],
        ['copy', copy],
      ]),
      report,
    );
    expect(report).not.toHaveBeenCalled();
  });

  test('stands for its user, however the name is written', () => {
    expect(issuerAccount({ ...block, user: '/other/Billing-Agent' })).toBe('aws-iam billing-agent');
  });

  test('promises what IAM keeps', () => {
    expect(issuerCapabilities({ ...block, exclusive: true, createLag: '1m', probes: 5 })).toEqual({
      create: 'api',
      maxLiveKeys: 2,
      named: false,
      list: true,
      disable: true,
      lastUsedLag: 14_400,
      reportsDenied: false,
      expiry: false,
      keyIdInCalls: true,
      exclusive: true,
      createLag: 60,
      revokeLag: 15,
      probes: 5,
    });
  });
});
