/**
 * IAM and STS behind the real SDK clients, as far as keyturn uses them: one user and its access keys.
 *
 * Spec:
 * - `CreateAccessKey` makes an Active key; the third is `LimitExceeded` (409), inactive keys count.
 *   https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html
 *   https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 * - `ListAccessKeys` gives pages, inactive keys too; here each page has one key, so that a reader of one page fails.
 *   https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html
 * - `DeleteAccessKey` and `UpdateAccessKey` of an unknown key are `NoSuchEntity` (404), as is every call about another
 *   user. https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html
 * - Changes are seen `lag` seconds later, by `ListAccessKeys` and by STS; the limit counts at once.
 *   https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
 * - `GetAccessKeyLastUsed` takes a key and no user, and names the key's user; a key that was never used has no
 *   `LastUsedDate`. A use shows `lastUsedLag` seconds later, our own calls of STS too. An unknown key is `NoSuchEntity`
 *   here, as at moto; AWS documents no answer for it.
 *   https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
 *   https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyLastUsed.html
 * - `GetCallerIdentity` needs no right. Signed with a key that is deleted, inactive or unknown it is
 *   `InvalidClientTokenId` (403), signed with another secret than the key's `SignatureDoesNotMatch` (403).
 *   https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 *   https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
 * - Every secret contains the sentinel.
 */
import { createHash, createHmac } from 'node:crypto';
import type { IamAccessKeysOptions } from '../../lib/aws/iam-access-keys.ts';
import type { Clock } from '../../lib/rotation/ports.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { type Instant, plus, type Seconds } from '../../lib/usage/instant.ts';
import { SENTINEL } from '../support/sentinel.ts';
import { lastUseBook } from './last-use-book.ts';

interface AccessKey {
  readonly keyId: string;
  readonly secret: SecretText;
  readonly createdAt: Instant;
  /** What IAM itself knows; others learn of it later. */
  readonly status: 'Active' | 'Inactive' | 'deleted';
  /** What others see from when on, in order. */
  readonly seen: readonly { readonly from: Instant; readonly status: AccessKey['status'] }[];
}

interface WireAnswer {
  readonly status: number;
  readonly body: string;
}

export interface AwsIamIssuer {
  /** What the clients under test are made with. */
  readonly client: NonNullable<IamAccessKeysOptions['client']>;
  readonly userName: string;
  /** Actions in order, by their names. */
  readonly calls: readonly string[];
  /** A key that somebody else made, by hand say. */
  addForeignKey(status?: 'Active' | 'Inactive'): string;
  /** The next call is answered like this; a status without a name is a connection that breaks after its effect. */
  failNext(failure: { readonly status: number; readonly name: string } | 'break'): void;
  /** The next answer is this text. */
  answerNext(body: string): void;
}

interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function awsIamIssuer({
  clock,
  lag = 15,
  lastUsedLag = 4 * 3600,
}: {
  readonly clock: Pick<Clock, 'now'>;
  readonly lag?: Seconds;
  readonly lastUsedLag?: Seconds;
}): AwsIamIssuer {
  const userName = 'billing-agent';
  const keys = new Map<string, AccessKey>();
  const uses = lastUseBook({ clock, lag: lastUsedLag });
  const calls: string[] = [];
  const faults: (WireAnswer | 'break')[] = [];

  const seen = ({ seen }: AccessKey): AccessKey['status'] | 'unknown' =>
    seen.filter(({ from }) => from <= clock.now()).at(-1)?.status ?? 'unknown';
  const change = (key: AccessKey, status: AccessKey['status']): void => {
    const from = plus(clock.now(), lag);
    keys.set(key.keyId, { ...key, status, seen: [...key.seen, { from, status }] });
  };
  const mint = (status: 'Active' | 'Inactive' = 'Active'): AccessKey => {
    const number = `${keys.size + 1}`.padStart(4, '0');
    const key = {
      keyId: `AKIAIOSFODNN${number}`,
      secret: new SecretText(`${SENTINEL}/iam+${number}`),
      createdAt: clock.now(),
      status,
      seen: [],
    };
    change(key, status);
    return key;
  };

  const create = (): WireAnswer => {
    const existing = [...keys.values()].filter(({ status }) => status !== 'deleted');
    if (existing.length >= 2) {
      return refusal(409, 'LimitExceeded', 'Cannot exceed quota for AccessKeysPerUser: 2');
    }
    const { keyId, secret, createdAt } = mint();
    return answered(
      'CreateAccessKey',
      `<AccessKey><UserName>${userName}</UserName><AccessKeyId>${keyId}</AccessKeyId><Status>Active</Status><SecretAccessKey>${secret.reveal()}</SecretAccessKey><CreateDate>${createdAt}</CreateDate></AccessKey>`,
    );
  };
  const list = (marker: number): WireAnswer => {
    const shown = [...keys.values()].filter((key) => !['deleted', 'unknown'].includes(seen(key)));
    const more = marker + 1 < shown.length;
    const members = shown
      .slice(marker, marker + 1)
      .map(
        (key) =>
          `<member><UserName>${userName}</UserName><AccessKeyId>${key.keyId}</AccessKeyId><Status>${seen(key)}</Status><CreateDate>${key.createdAt}</CreateDate></member>`,
      );
    return answered(
      'ListAccessKeys',
      `<AccessKeyMetadata>${members.join('')}</AccessKeyMetadata><IsTruncated>${more}</IsTruncated>${more ? `<Marker>${marker + 1}</Marker>` : ''}`,
    );
  };
  const update = (action: string, keyId: string, status: AccessKey['status']): WireAnswer => {
    const key = keys.get(keyId);
    if (!key || key.status === 'deleted') return refusal(404, 'NoSuchEntity', `no key ${keyId}`);
    change(key, status);
    return answered(action, '');
  };
  const identify = (request: WireRequest): WireAnswer => {
    const [, keyId = ''] = /Credential=([^/]+)/.exec(request.headers['authorization'] ?? '') ?? [];
    const key = keys.get(keyId);
    if (!key || seen(key) !== 'Active') return refusal(403, 'InvalidClientTokenId', 'The token is invalid.');
    if (!isSignedWith(request, key.secret)) {
      return refusal(403, 'SignatureDoesNotMatch', 'The signature does not match.');
    }
    uses.accepted(keyId);
    return answered('GetCallerIdentity', `<Arn>arn:aws:iam::123456789012:user/${userName}</Arn>`);
  };
  const lastUsed = (keyId: string): WireAnswer => {
    if ((keys.get(keyId)?.status ?? 'deleted') === 'deleted')
      return refusal(404, 'NoSuchEntity', `no key ${keyId}`);
    const { lastUsedAt } = uses.of(keyId);
    const place = lastUsedAt === null ? ['N/A', 'N/A'] : ['us-east-1', 'sts'];
    return answered(
      'GetAccessKeyLastUsed',
      `<UserName>${userName}</UserName><AccessKeyLastUsed>${lastUsedAt === null ? '' : `<LastUsedDate>${lastUsedAt}</LastUsedDate>`}<Region>${place[0]}</Region><ServiceName>${place[1]}</ServiceName></AccessKeyLastUsed>`,
    );
  };
  const answer = (request: WireRequest): WireAnswer => {
    const form = new URLSearchParams(request.body);
    const action = form.get('Action') ?? '';
    const keyId = form.get('AccessKeyId') ?? '';
    if (action === 'GetCallerIdentity') return identify(request);
    if (action === 'GetAccessKeyLastUsed') return lastUsed(keyId);
    if (form.get('UserName') !== userName) return refusal(404, 'NoSuchEntity', 'no such user');
    if (action === 'CreateAccessKey') return create();
    if (action === 'ListAccessKeys') return list(Number(form.get('Marker')));
    if (action === 'DeleteAccessKey') return update(action, keyId, 'deleted');
    return update(action, keyId, form.get('Status') === 'Active' ? 'Active' : 'Inactive');
  };

  const handle = async (raw: WireRequest) => {
    calls.push(new URLSearchParams(raw.body).get('Action') ?? '');
    const [fault] = faults.splice(0, 1);
    const { status, body } = fault === undefined || fault === 'break' ? answer(raw) : fault;
    if (fault === 'break') throw new Error(`the connection was reset after ${body}`);
    return { response: { statusCode: status, headers: {}, body: Buffer.from(body) } };
  };

  return {
    client: {
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'none' },
      requestHandler: { handle, updateHttpClientConfig: () => {}, httpHandlerConfigs: () => ({}) },
    },
    userName,
    calls,
    addForeignKey: (status) => mint(status).keyId,
    failNext: (failure) =>
      void faults.push(failure === 'break' ? failure : refusal(failure.status, failure.name, SENTINEL)),
    answerNext: (body) => void faults.push({ status: 200, body }),
  };
}

const answered = (action: string, result: string): WireAnswer => ({
  status: 200,
  body: `<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`,
});

const refusal = (status: number, code: string, message: string): WireAnswer => ({
  status,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
});

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function isSignedWith({ method, path, headers, body }: WireRequest, secret: SecretText): boolean {
  const { authorization = '', 'x-amz-date': time = '' } = headers;
  const [, scope = '', names = '', signature = ''] =
    /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)/.exec(authorization) ?? [];
  const signed = names.split(';').map((name) => `${name}:${headers[name]?.trim()}\n`);
  const canonical = [method, path, '', signed.join(''), names, sha256(body)].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>((from, part) => hmac(from, part), `AWS4${secret.reveal()}`);
  const wanted = hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n'));
  return wanted.toString('hex') === signature;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
