/** Access keys of IAM users: made, listed and ended by IAM, and tried at STS, where a call needs no right but a live key. */
import {
  type AccessKeyMetadata,
  CreateAccessKeyCommand,
  DeleteAccessKeyCommand,
  GetAccessKeyLastUsedCommand,
  IAMClient,
  type IAMClientConfig,
  LimitExceededException,
  NoSuchEntityException,
  paginateListAccessKeys,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { IssuerRejected, IssuerUnavailable } from '../rotation/errors.ts';
import type { CreatedKey, Issuer, LastUse, ListedKey, ProbeAnswer } from '../rotation/ports.ts';
import { SecretText } from '../rotation/secret-text.ts';
import { withoutDetails } from '../rotation/without-details.ts';
import { callFailure } from './call-failure.ts';

export interface IamAccessKeysOptions {
  /** What both clients are made with. @default the function's own region and role */
  readonly client?: Pick<IAMClientConfig, 'endpoint' | 'region' | 'credentials' | 'requestHandler'>;
  /** How long one call may take now; 0 when there is no time left for any. */
  readonly milliseconds: () => number;
}

interface Connection extends IamAccessKeysOptions {
  readonly iam: IAMClient;
  readonly userName: string;
}

/**
 * The keys of a user by its name. Clients are made here, since each probe is signed with another key, and never try
 * twice: a create whose answer was lost has made a key, and the next would take the user's last place.
 */
export function iamAccessKeys(
  options: IamAccessKeysOptions,
): (userName: string) => Omit<Issuer, 'capabilities'> {
  const iam = new IAMClient({ ...options.client, maxAttempts: 1 });
  return (userName) => {
    const on = { ...options, iam, userName };
    return {
      create: () => create(on),
      list: async () => (await metadata(on)).map(listed),
      probe: (secret, keyId) => probe(on, secret, keyId),
      lastUse: (keyId) => lastUse(on, keyId),
      revoke: (keyId) => revoke(on, keyId),
      disable: (keyId) => setStatus(on, keyId, 'Inactive'),
      enable: (keyId) => setStatus(on, keyId, 'Active'),
    };
  };
}

async function create(on: Connection): Promise<CreatedKey> {
  const where = `iam:CreateAccessKey for user ${on.userName}`;
  const request = new CreateAccessKeyCommand({ UserName: on.userName });
  const { AccessKey: { AccessKeyId, SecretAccessKey } = {} } = await called(on, where, (options) =>
    on.iam.send(request, options).catch(async (error: unknown) => {
      throw error instanceof LimitExceededException ? await noRoom(on, error) : error;
    }),
  );
  if (!AccessKeyId || !SecretAccessKey) throw new IssuerUnavailable(`${where} gave no key`);
  return { keyId: AccessKeyId, secret: new SecretText(SecretAccessKey), expiresAt: null };
}

/** Names the keys, since the one in the way is often an inactive one that everybody has forgotten. */
async function noRoom(on: Connection, cause: LimitExceededException): Promise<IssuerRejected> {
  const keys = (await metadata(on)).map(({ AccessKeyId, Status }) => `${AccessKeyId} (${Status})`);
  return new IssuerRejected(
    `user ${on.userName} has ${keys.join(' and ')} and no room for another access key: IAM allows two, inactive ones too, so delete the one that nobody needs`,
    { cause: withoutDetails(cause) },
  );
}

const metadata = (on: Connection): Promise<readonly AccessKeyMetadata[]> =>
  called(on, `iam:ListAccessKeys of user ${on.userName}`, async (options) => {
    const keys: AccessKeyMetadata[] = [];
    const pages = paginateListAccessKeys({ client: on.iam }, { UserName: on.userName }, options);
    for await (const { AccessKeyMetadata = [] } of pages) keys.push(...AccessKeyMetadata);
    return keys;
  });

const listed = ({ AccessKeyId = '', CreateDate }: AccessKeyMetadata): ListedKey => ({
  keyId: AccessKeyId,
  ...(CreateDate && { createdAt: CreateDate.toISOString() }),
});

/**
 * A key that was never used has no date. Refused calls move the date too, as far as is known, so none can be told.
 * The request names no user: an answer about another user's key would be no news of ours.
 */
async function lastUse(on: Connection, keyId: string): Promise<LastUse> {
  const where = `iam:GetAccessKeyLastUsed of ${keyId} of user ${on.userName}`;
  const request = new GetAccessKeyLastUsedCommand({ AccessKeyId: keyId });
  const { UserName, AccessKeyLastUsed } = await called(on, where, (options) => on.iam.send(request, options));
  if (UserName?.toLowerCase() !== on.userName.toLowerCase()) {
    throw new IssuerRejected(`${where} was answered about ${UserName ? `user ${UserName}` : 'no user'}`);
  }
  return { lastUsedAt: AccessKeyLastUsed?.LastUsedDate?.toISOString() ?? null, lastDeniedAt: null };
}

/** A key that is not there is what was wanted; whether it is dead, the probe or the list must say. */
async function revoke(on: Connection, keyId: string): Promise<void> {
  const request = new DeleteAccessKeyCommand({ UserName: on.userName, AccessKeyId: keyId });
  await called(on, `iam:DeleteAccessKey of ${keyId} of user ${on.userName}`, (options) =>
    on.iam.send(request, options).catch((error: unknown) => {
      if (!(error instanceof NoSuchEntityException)) throw error;
    }),
  );
}

async function setStatus(on: Connection, keyId: string, Status: 'Active' | 'Inactive'): Promise<void> {
  const request = new UpdateAccessKeyCommand({ UserName: on.userName, AccessKeyId: keyId, Status });
  await called(on, `iam:UpdateAccessKey of ${keyId} of user ${on.userName}`, (options) =>
    on.iam.send(request, options),
  );
}

/**
 * InvalidClientTokenId says that the key is deleted, inactive or unknown: dead. SignatureDoesNotMatch says that there
 * is such a key, and another secret: that proves nothing about the key, nor does a call that failed.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
 */
async function probe(on: Connection, secret: SecretText, keyId: string): Promise<ProbeAnswer> {
  const sts = new STSClient({
    ...on.client,
    credentials: { accessKeyId: keyId, secretAccessKey: secret.reveal() },
    maxAttempts: 1,
    // One pool of connections: clients of single probes would leave theirs open.
    requestHandler: on.iam.config.requestHandler,
  });
  try {
    await sts.send(new GetCallerIdentityCommand(), bounds(on, 'sts:GetCallerIdentity'));
    return 'alive';
  } catch (error) {
    return error instanceof Error && error.name === 'InvalidClientTokenId' ? 'dead' : 'unknown';
  }
}

type Bounds = ReturnType<typeof bounds>;

/** Nothing is sent when nobody would be there to hear the answer. */
function bounds({ milliseconds }: Connection, where: string) {
  const time = milliseconds();
  if (time === 0) throw new IssuerUnavailable(`${where} was not called: the invocation has no time left`);
  return { abortSignal: AbortSignal.timeout(time) } as const;
}

const errors = { Rejected: IssuerRejected, Unavailable: IssuerUnavailable };

const advice = {
  AccessDenied:
    "the role may act on the declared user only: see whether the path in the issuer's `user` is the real one",
  NoSuchEntityException: "there is no such user or key: make the user, or correct the issuer's `user`",
};

async function called<Answer>(
  on: Connection,
  where: string,
  call: (options: Bounds) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await call(bounds(on, where));
  } catch (error) {
    if (error instanceof IssuerRejected || error instanceof IssuerUnavailable) throw error;
    throw callFailure({ errors, where, advice }, error);
  }
}
