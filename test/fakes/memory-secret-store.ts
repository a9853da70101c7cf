/** Secrets Manager in memory, as its documentation describes it, at its strictest. */
import { SecretChangedOutside } from '../../lib/rotation/errors.ts';
import type { SecretStore } from '../../lib/rotation/ports.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';

interface Version {
  readonly value: SecretText;
  readonly stages: Set<string>;
}

/** Versions by id; order of making. */
type Secret = Map<string, Version>;

export interface MemorySecretStore extends SecretStore {
  /** Turns Secrets Manager's own rotation of a secret on. */
  rotateNatively(name: string): void;
}

/**
 * What it holds to:
 * - the first version of a secret becomes AWSCURRENT, whatever stage is asked for;
 * - a version is written once: the same value again does nothing (it moves no stage either), another is refused;
 * - a stage sits on one version at a time; AWSPREVIOUS goes to the version that AWSCURRENT leaves;
 * - AWSCURRENT can be moved, never taken off;
 * - a version that loses its last stage is gone at once, the worst that Secrets Manager may do.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
 */
export function memorySecretStore(): MemorySecretStore {
  const secrets = new Map<string, Secret>();
  const kmsKeys = new Map<string, string>();
  const rotating = new Set<string>();
  return {
    async create({ name, token, placeholder, kmsKeyArn }) {
      if (secrets.has(name)) return;
      if (kmsKeyArn) kmsKeys.set(name, kmsKeyArn);
      const secret: Secret = new Map();
      secrets.set(name, secret);
      add(secret, token, new SecretText(placeholder), 'AWSCURRENT');
    },
    async put(name, versionId, value, stage) {
      const secret = existing(secrets, name);
      const known = secret.get(versionId);
      if (known && known.value.reveal() !== value.reveal())
        throw new Error(
          `version ${versionId} of secret ${name} already holds another value: take a new version id`,
        );
      if (!known) add(secret, versionId, value, stage);
    },
    async read(name, versionId) {
      return existingVersion(existing(secrets, name), name, versionId).value;
    },
    async versions(name) {
      const secret = secrets.get(name);
      return secret && new Map([...secret].map(([id, { stages }]) => [id, [...stages]]));
    },
    async describe(name) {
      const secret = secrets.get(name);
      if (!secret) return undefined;
      const versions = new Map([...secret].map(([id, { stages }]) => [id, [...stages]]));
      return { versions, kmsKey: kmsKeys.get(name) ?? null, nativeRotation: rotating.has(name) };
    },
    async addStage(name, versionId, stage) {
      const secret = existing(secrets, name);
      existingVersion(secret, name, versionId);
      attach(secret, stage, versionId);
      deprecate(secret);
    },
    rotateNatively: (name) => void rotating.add(name),
    async moveCurrent(name, { from, to }) {
      const secret = existing(secrets, name);
      existingVersion(secret, name, to);
      const current = holderOf(secret, 'AWSCURRENT');
      if (current !== from && current !== to)
        throw new SecretChangedOutside(
          `AWSCURRENT of secret ${name} is on version ${current}, expected ${from}`,
        );
      attach(secret, 'AWSCURRENT', to);
      deprecate(secret);
    },
    async dropStage(name, versionId, stage) {
      if (stage === 'AWSCURRENT')
        throw new Error('AWSCURRENT can be moved, never taken off: use moveCurrent');
      const secret = secrets.get(name);
      secret?.get(versionId)?.stages.delete(stage);
      if (secret) deprecate(secret);
    },
  };
}

function add(secret: Secret, versionId: string, value: SecretText, stage: string): void {
  const isFirst = secret.size === 0;
  secret.set(versionId, { value, stages: new Set() });
  attach(secret, stage, versionId);
  if (isFirst) attach(secret, 'AWSCURRENT', versionId);
  deprecate(secret);
}

function attach(secret: Secret, stage: string, versionId: string): void {
  const before = holderOf(secret, stage);
  if (before === versionId) return;
  if (before) secret.get(before)?.stages.delete(stage);
  secret.get(versionId)?.stages.add(stage);
  if (stage === 'AWSCURRENT' && before) attach(secret, 'AWSPREVIOUS', before);
}

function deprecate(secret: Secret): void {
  for (const [id, { stages }] of secret) if (stages.size === 0) secret.delete(id);
}

function holderOf(secret: Secret, stage: string): string | undefined {
  return [...secret].find(([, { stages }]) => stages.has(stage))?.[0];
}

function existing(secrets: ReadonlyMap<string, Secret>, name: string): Secret {
  const secret = secrets.get(name);
  if (!secret) throw new Error(`there is no secret ${name}: create it first`);
  return secret;
}

function existingVersion(secret: Secret, name: string, versionId: string): Version {
  const version = secret.get(versionId);
  if (!version) throw new Error(`secret ${name} has no version ${versionId}: list its versions`);
  return version;
}
