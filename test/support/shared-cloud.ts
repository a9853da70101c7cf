/** One local cloud for all tests of a file: it starts before the first and ends after the last. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { type Cloud, startCloud } from '../../local/cloud.ts';

/** What every AWS client of a test is made with. */
export interface CloudClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** @returns the clients' configuration, to be asked for inside a test. */
export function sharedCloud(): () => CloudClientConfig {
  let cloud: Cloud | undefined;
  beforeAll(async () => {
    cloud = await startCloud();
  });
  afterAll(() => cloud?.stop());
  return () => {
    if (!cloud) throw new Error('the local cloud is not running: ask for it inside a test');
    return {
      endpoint: cloud.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
  };
}

/** A name that no other test has used. */
export const aNewName = (prefix: string): string => `${prefix}-${randomUUID()}`;
