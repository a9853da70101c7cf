/** What stands in for the SDK's search for credentials in the bundles. */
import { afterEach, expect, test, vi } from 'vitest';
import { defaultProvider } from '../../lambdas/runtime/environment-credentials.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a function signs with the credentials of its role, session token included', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'ASIAIOSFODNN7EXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'the-secret');
  vi.stubEnv('AWS_SESSION_TOKEN', 'the-session');
  expect(await defaultProvider()()).toMatchObject({
    accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'the-secret',
    sessionToken: 'the-session',
  });
});

test('without credentials in its environment a function says so, and looks nowhere else', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
  await expect(defaultProvider()()).rejects.toThrow('environment variable credentials');
});
