/** What a keyturn rotates: what its config says, and what constructs add to that until the synthesis. */
import { existsSync, readFileSync } from 'node:fs';
import { secretOf } from '../config/declare.ts';
import { type Reading, readKeyturnFile, readKeyturnObject } from '../config/keyturn-file.ts';
import type { KeyturnConfig } from '../config/read-config.ts';
import { type CredentialInput, type KeyturnInput, whatIsRight } from '../config/schema.ts';
import type { SecretShape } from '../rotation/credential.ts';
import { InvalidInput } from '../rotation/errors.ts';

/** What keyturn.yaml says, in TypeScript; credentials can come as constructs of their own. */
export type KeyturnObject = Omit<KeyturnInput, 'credentials'> & Partial<Pick<KeyturnInput, 'credentials'>>;

export interface Declared {
  /** Without what was added. */
  readonly config: KeyturnConfig;
  /** @throws InvalidInput when there is such a credential, or when it is too late. */
  add(id: string, credential: CredentialInput): void;
  /** Of an added credential what is right already counts. @throws InvalidInput when there is none of the id. */
  secretOf(id: string): SecretShape;
  /** Everything; nothing can be added after it. @throws InvalidInput with every mistake in what was added. */
  close(): Pick<Reading, 'config' | 'warnings'>;
}

/** @param name what `<stack>` stands for. @throws InvalidInput with every mistake in the config. */
export function declared(source: string | KeyturnObject, name: string): Declared {
  const reading = typeof source === 'string' ? readFile(source, name) : readObject(source, name);
  const { config, input } = reading;
  const added = new Map<string, CredentialInput>();
  let isClosed = false;
  return {
    config,
    add: (id, credential) => {
      if (isClosed) {
        throw new InvalidInput(`credential "${id}" comes too late: add it before the app is synthesized`);
      }
      if (Object.hasOwn(config.credentials, id)) {
        throw new InvalidInput(`credential "${id}" is in the config already: declare it in one place`);
      }
      if (added.has(id)) throw new InvalidInput(`credential "${id}" is added twice: declare it in one place`);
      added.set(id, credential);
    },
    secretOf: (id) => {
      const credential = added.get(id);
      const secret = credential
        ? secretOf(id, whatIsRight(credential), config)
        : config.credentials[id]?.secret;
      if (secret) return secret;
      const known = [...Object.keys(config.credentials), ...added.keys()].join(', ') || 'none is declared';
      throw new InvalidInput(`there is no credential "${id}" (known: ${known})`);
    },
    close: () => {
      isClosed = true;
      if (added.size === 0) return reading;
      const credentials = { ...input.credentials, ...Object.fromEntries(added) };
      return readObject({ ...input, credentials }, name);
    },
  };
}

const readObject = (config: KeyturnObject, stack: string): Reading =>
  readKeyturnObject({ credentials: {}, ...config }, { stack });

function readFile(path: string, stack: string): Reading {
  if (!existsSync(path)) {
    throw new InvalidInput(
      `there is no file ${path}: write one (examples/verdaccio/keyturn.yaml shows how), or name another with -c config=<path>`,
    );
  }
  return readKeyturnFile(readFileSync(path, 'utf8'), { stack, fileName: path });
}
