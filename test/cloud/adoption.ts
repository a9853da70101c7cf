/** Adoption on the deployed stack: keys that were there before keyturn, of the registry and of IAM. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  ListAccessKeysCommand,
} from '@aws-sdk/client-iam';
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { keyturnClient } from '../../lib/client/client.ts';
import { aConsumer } from './a-consumer.ts';
import {
  type Deployed,
  type Extras,
  type Prepared,
  packageName,
  quickPolicy,
  secretNameOf,
} from './deployed.ts';
import { askForRotation, currentValue, firstKey, hasEnded, rotationThat } from './follow.ts';

/** In the root path: the local cloud's policies see users without theirs. */
const user = { path: '/', name: 'agent' };

/** Makes the keys that are to be adopted, in secrets of the shape that their users already read. */
export async function existingKeys(on: Prepared): Promise<Extras> {
  const secretsManager = new SecretsManagerClient(on.aws);
  const { account } = on.site('adopted');
  const token = await on.registry.createToken(account);
  on.secrets.add(token.token);
  const put = (credential: string, value: object) =>
    secretsManager.send(
      new CreateSecretCommand({ Name: secretNameOf(credential), SecretString: JSON.stringify(value) }),
    );
  await put('adopted', { apiKey: token.token, keyId: token.key, registry: 'hello' });
  const iam = new IAMClient(on.aws);
  await iam.send(new CreateUserCommand({ UserName: user.name, Path: user.path }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: user.name }));
  const { AccessKeyId = '', SecretAccessKey = '' } = AccessKey ?? {};
  on.secrets.add(SecretAccessKey);
  await put('iam-agent', { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey });
  adopted = { token: token.key, accessKey: AccessKeyId };
  return {
    issuers: {
      iam: {
        type: 'aws-iam',
        user: `${user.path}${user.name}`,
        createLag: '2s',
        revokeLag: '2s',
        lastUsedLag: 'none',
      },
    },
    credentials: {
      'iam-agent': {
        issuer: 'iam',
        owner: { name: 'tests' },
        adopt: { keyId: AccessKeyId },
        secret: {
          name: secretNameOf('iam-agent'),
          format: 'json',
          fields: { secret: 'secretAccessKey', keyId: 'accessKeyId' },
        },
        policy: quickPolicy,
        consumers: [{ name: 'agent' }],
      },
    },
  };
}

/** Key ids that were there before keyturn. */
let adopted = { token: '', accessKey: '' };

/** How the adopted site's credential is declared; its key id is known only once the key is made. */
export const adoptedSite = {
  consumers: ['reader'],
  get credential() {
    return {
      adopt: { keyId: adopted.token },
      secret: {
        name: secretNameOf('adopted'),
        format: 'json',
        fields: { secret: 'apiKey', keyId: 'keyId', generation: 'generation' },
        constants: { registry: 'hello' },
      },
    };
  },
};

export function adoptions(deployment: () => Deployed): void {
  it('an adopted token of the registry becomes generation 1, and is rotated without a refused call', async () => {
    const on = deployment();
    const { keys, credential } = await firstKey(on, 'adopted');
    expect(keys).toMatchObject([{ generation: 1, keyId: adopted.token, status: 'current' }]);
    expect(credential.dueAt && credential.dueAt > new Date(Date.now() + 80_000_000).toISOString()).toBe(true);
    const before = await currentValue(on, 'adopted');
    const reader = aConsumer(on, { name: 'reader', credential: 'adopted', cacheFor: 0 });
    const rotationId = await askForRotation(on, 'adopted');
    const after = await rotationThat(on, 'adopted', rotationId, hasEnded);
    await reader.leave();
    expect(after.rotation.phase).toBe('completed');
    expect(reader.refused).toBe(0);
    expect(after.keys.map(({ keyId, status }) => [keyId === adopted.token, status])).toEqual([
      [true, 'dead'],
      [false, 'current'],
    ]);
    expect(await on.registry.read(packageName, before.apiKey)).toBe(403);
    expect(await on.registry.read(packageName, (await currentValue(on, 'adopted')).apiKey)).toBe(200);
  });

  it('an adopted access key of an IAM user is rotated, and its user is left with one key', async () => {
    const on = deployment();
    await firstKey(on, 'iam-agent');
    const agent = anIamConsumer(on);
    const before = await accessKey(on);
    expect(before.accessKeyId).toBe(adopted.accessKey);
    const rotationId = await askForRotation(on, 'iam-agent');
    const { rotation } = await rotationThat(on, 'iam-agent', rotationId, hasEnded);
    await agent.leave();
    expect(rotation.phase).toBe('completed');
    expect(agent.refused()).toBe(0);
    const after = await accessKey(on);
    on.secrets.add(after.secretAccessKey);
    const { AccessKeyMetadata = [] } = await new IAMClient(on.aws).send(
      new ListAccessKeysCommand({ UserName: user.name }),
    );
    expect(AccessKeyMetadata.map(({ AccessKeyId }) => AccessKeyId)).toEqual([after.accessKeyId]);
    await expect(callWith(on, before)).rejects.toThrow();
    await expect(callWith(on, after)).resolves.toContain(`${user.path}${user.name}`);
  });

  it('a key that is not keyturn’s blocks the rotation where there is no room, and is left alone', async () => {
    const on = deployment();
    await firstKey(on, 'crowded');
    const { account } = on.site('crowded');
    const listed = await on.registry.listTokens(account.token);
    const own = (await currentValue(on, 'crowded')).keyId;
    const foreign = listed.map(({ key }) => key).filter((key) => key !== own);
    expect(foreign).toHaveLength(1);
    const rotationId = await askForRotation(on, 'crowded');
    const { rotation, credential, keys } = await rotationThat(on, 'crowded', rotationId, hasEnded);
    expect(rotation).toMatchObject({ phase: 'blocked', reason: expect.stringContaining(`${foreign[0]}`) });
    expect(credential).toMatchObject({ status: 'blocked', activeRotation: null, currentGeneration: 1 });
    expect(keys.map(({ status }) => status)).toEqual(['current']);
    expect(await on.registry.listTokens(account.token)).toEqual(listed);
  });
}

const accessKeySchema = z.object({ accessKeyId: z.string(), secretAccessKey: z.string() });

type AccessKey = z.output<typeof accessKeySchema>;

async function accessKey(on: Deployed): Promise<AccessKey> {
  const { SecretString = '' } = await new SecretsManagerClient(on.aws).send(
    new GetSecretValueCommand({ SecretId: secretNameOf('iam-agent') }),
  );
  return accessKeySchema.parse(JSON.parse(SecretString));
}

/** Who AWS says that the holder of this key is. */
async function callWith(on: Deployed, credentials: AccessKey): Promise<string> {
  const { Arn = '' } = await new STSClient({ ...on.aws, credentials, maxAttempts: 1 }).send(
    new GetCallerIdentityCommand({}),
  );
  return Arn;
}

/** Calls STS with the key that the secret holds, and reports it. */
function anIamConsumer(on: Deployed) {
  let refused = 0;
  const client = keyturnClient({
    consumer: 'agent',
    queueUrl: on.addresses['usage-queue'],
    sqs: new SQSClient(on.aws),
    secretsManager: new SecretsManagerClient({ ...on.aws, maxAttempts: 1 }),
    reportEvery: 1,
    cacheFor: 0,
    keepFor: 30,
    observe: (event) => {
      if (event.kind === 'read-failed') refused += 1;
    },
  });
  const credential = client.credential({
    id: 'iam-agent',
    secretId: secretNameOf('iam-agent'),
    field: null,
  });
  const call = async (text: string) => {
    try {
      await callWith(on, accessKeySchema.parse(JSON.parse(text)));
      return { status: 200 };
    } catch {
      refused += 1;
      return { status: 401 };
    }
  };
  const stopping = new AbortController();
  const working = (async () => {
    while (!stopping.signal.aborted) {
      await credential.use(call);
      await sleep(300);
    }
  })();
  return {
    refused: () => refused,
    leave: async () => {
      stopping.abort();
      await working;
      await client.leave();
    },
  };
}
