/** Keys in Secrets Manager: written once under an id that we choose, read by that id, never by label. */
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  InvalidParameterException,
  InvalidRequestException,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { InvalidInput, SecretChangedOutside } from '../rotation/errors.ts';
import type { NewSecret, SecretFacts, SecretStore } from '../rotation/ports.ts';
import { SecretText } from '../rotation/secret-text.ts';

export interface SecretsManagerStoreOptions {
  readonly client: SecretsManagerClient;
  /** Key that new secrets are encrypted with. @default the account's aws/secretsmanager key */
  readonly kmsKeyId?: string;
}

/** Secret names come from keyturn.yaml; values are text. */
export function secretsManagerStore({ client, kmsKeyId }: SecretsManagerStoreOptions): SecretStore {
  return {
    create: (secret) => create(client, kmsKeyId, secret),
    put: (name, versionId, value, stage) => put(client, name, versionId, value, stage),
    read: (name, versionId) => readVersion(client, name, versionId),
    versions: async (name) => (await describe(client, name))?.versions,
    describe: (name) => describe(client, name),
    addStage: (name, versionId, stage) => addStage(client, name, versionId, stage),
    moveCurrent: (name, move) => moveCurrent(client, name, move),
    dropStage: (name, versionId, stage) => dropStage(client, name, versionId, stage),
  };
}

/** A repeated request is answered as before by its token; a secret that somebody else made is used as it is. */
async function create(
  client: SecretsManagerClient,
  kmsKeyId: string | undefined,
  { name, token, placeholder, credentialId, kmsKeyArn = kmsKeyId }: NewSecret,
): Promise<void> {
  const request = {
    Name: name,
    ClientRequestToken: token,
    KmsKeyId: kmsKeyArn,
    SecretString: placeholder,
    Tags: [{ Key: 'keyturn:credential', Value: credentialId }],
  };
  try {
    await client.send(new CreateSecretCommand(request));
  } catch (error) {
    if (!(error instanceof ResourceExistsException)) throw inWords(name, error);
  }
}

async function put(
  client: SecretsManagerClient,
  name: string,
  versionId: string,
  value: SecretText,
  stage: string,
): Promise<void> {
  const request = { SecretId: name, ClientRequestToken: versionId, VersionStages: [stage] };
  try {
    await client.send(new PutSecretValueCommand({ ...request, SecretString: value.reveal() }));
  } catch (error) {
    if (error instanceof ResourceExistsException) throw otherValue(name, versionId, error);
    throw inWords(name, error);
  }
}

async function readVersion(
  client: SecretsManagerClient,
  name: string,
  versionId: string,
): Promise<SecretText> {
  try {
    const { SecretString } = await client.send(
      new GetSecretValueCommand({ SecretId: name, VersionId: versionId }),
    );
    if (SecretString !== undefined) return new SecretText(SecretString);
  } catch (error) {
    throw inWords(name, error);
  }
  throw new InvalidInput(
    `version ${versionId} of secret ${name} is binary: keyturn reads and writes text only`,
  );
}

/** DescribeSecret lists every version that has a stage, in one page; ListSecretVersionIds adds nothing but paging. */
async function describe(client: SecretsManagerClient, name: string): Promise<SecretFacts | undefined> {
  try {
    const { DeletedDate, VersionIdsToStages, KmsKeyId, RotationEnabled } = await client.send(
      new DescribeSecretCommand({ SecretId: name }),
    );
    if (DeletedDate) throw scheduledForDeletion(name);
    return {
      versions: new Map(Object.entries(VersionIdsToStages ?? {})),
      kmsKey: KmsKeyId ?? null,
      nativeRotation: RotationEnabled === true,
    };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** Refused when AWSCURRENT is elsewhere, also when the SDK repeats a move whose answer was lost: so look. */
async function moveCurrent(
  client: SecretsManagerClient,
  name: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  try {
    await client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: name,
        VersionStage: 'AWSCURRENT',
        RemoveFromVersionId: from,
        MoveToVersionId: to,
      }),
    );
  } catch (error) {
    if (!(error instanceof InvalidParameterException)) throw inWords(name, error);
    const current = await currentVersion(client, name);
    if (current === to) return;
    if (current === from) throw error;
    throw new SecretChangedOutside(
      `AWSCURRENT of secret ${name} is on version ${current}, expected ${from}: find out who moved it`,
      { cause: error },
    );
  }
}

async function currentVersion(client: SecretsManagerClient, name: string): Promise<string | undefined> {
  const facts = await describe(client, name);
  return [...(facts?.versions ?? [])].find(([, labels]) => labels.includes('AWSCURRENT'))?.[0];
}

/** Moving a stage to where it is changes nothing. */
async function addStage(
  client: SecretsManagerClient,
  name: string,
  versionId: string,
  stage: string,
): Promise<void> {
  const facts = await describe(client, name);
  if (facts?.versions.get(versionId)?.includes(stage)) return;
  await client.send(
    new UpdateSecretVersionStageCommand({ SecretId: name, VersionStage: stage, MoveToVersionId: versionId }),
  );
}

/** Looks first: which error an absent stage gives is not documented. */
async function dropStage(
  client: SecretsManagerClient,
  name: string,
  versionId: string,
  stage: string,
): Promise<void> {
  const facts = await describe(client, name);
  if (!facts?.versions.get(versionId)?.includes(stage)) return;
  await client.send(
    new UpdateSecretVersionStageCommand({
      SecretId: name,
      VersionStage: stage,
      RemoveFromVersionId: versionId,
    }),
  );
}

const otherValue = (name: string, versionId: string, cause: Error): Error =>
  new Error(`version ${versionId} of secret ${name} already holds another value: take a new version id`, {
    cause,
  });

/** A secret that waits for its deletion refuses nearly everything, with an error that is also used otherwise. */
function inWords(name: string, error: unknown): unknown {
  // The SDK's parser quotes what it could not parse, which is a secret: so no cause is kept.
  if (error instanceof SyntaxError)
    return new Error(`Secrets Manager's answer about secret ${name} cannot be read`);
  const waits = error instanceof InvalidRequestException && /delet/i.test(error.message);
  return waits ? scheduledForDeletion(name, error) : error;
}

const scheduledForDeletion = (name: string, cause?: Error): InvalidInput =>
  new InvalidInput(
    `secret ${name} is scheduled for deletion: restore it (aws secretsmanager restore-secret --secret-id ${name}) or choose another name`,
    { cause },
  );
