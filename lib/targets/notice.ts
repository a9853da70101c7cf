/** What a target hears that learns of a key by ids: never the value, which it reads from the secret if it may. */
import type { Deployment } from '../rotation/ports.ts';

export interface Notice {
  readonly schemaVersion: 1;
  readonly type: 'Key Promoted';
  /** Credential id. */
  readonly credential: string;
  readonly rotationId: string;
  readonly generation: number;
  readonly keyId: string;
  /** Name of the secret, and the version of it that holds the key. */
  readonly secret: string;
  readonly versionId: string;
}

export function noticeOf(deployment: Deployment): Notice {
  const {
    credentialId: credential,
    rotationId,
    generation,
    keyId,
    secretName: secret,
    versionId,
  } = deployment;
  return {
    schemaVersion: 1,
    type: 'Key Promoted',
    credential,
    rotationId,
    generation,
    keyId,
    secret,
    versionId,
  };
}
