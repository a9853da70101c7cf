/** Bundles each handler as the stack does, weighs it, and reads what went in. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildResult, build, type Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { esbuildOptions } from '../../lib/constructs/bundling.ts';

const root = join(import.meta.dirname, '..', '..');
const handlers = readdirSync(join(root, 'lambdas')).filter((name) => name.endsWith('.ts'));

/** Lambda loads up to this much fast; see the project's numbers in the README. */
const limitKiB = 600;

async function bundle(
  handler: string,
): Promise<{ readonly kib: number; readonly inputs: readonly string[] }> {
  const result: BuildResult<{ metafile: true; write: false }> = await build({
    ...esbuildOptions,
    absWorkingDir: root,
    entryPoints: [join('lambdas', handler)],
    outfile: 'handler.mjs',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const size = result.outputFiles.reduce((sum, { contents }) => sum + contents.length, 0);
  return { kib: size / 1024, inputs: includedIn(result.metafile) };
}

const includedIn = ({ outputs }: Metafile): string[] =>
  Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([path]) => path),
  );

describe.each(handlers)('the bundle of %s', (handler) => {
  const bundled = bundle(handler);

  it(`weighs no more than ${limitKiB} KiB`, async () => {
    expect((await bundled).kib).toBeLessThanOrEqual(limitKiB);
  });

  it('holds no CDK, no CLI, no client library and nothing local', async () => {
    const { inputs } = await bundled;
    const strangers = inputs.filter((path) =>
      /^(lib\/(constructs|cli|client)|local|bin|test)\/|node_modules\/(aws-cdk-lib|constructs|commander)\//.test(
        path,
      ),
    );
    expect(strangers).toEqual([]);
  });

  it("holds nothing of the SDK's search for credentials, which a function of Lambda has no use for", async () => {
    const { inputs } = await bundled;
    const search = /@aws-sdk\/(credential-provider-(?!env)[a-z-]+|nested-clients|token-providers)\//;
    expect(inputs.filter((path) => search.test(path))).toEqual([]);
  });

  it('holds no other handler', async () => {
    const { inputs } = await bundled;
    const others = inputs.filter(
      (path) => /^lambdas\/[^/]+\.ts$/.test(path) && path !== `lambdas/${handler}`,
    );
    expect(others).toEqual([]);
  });
});

it('what reads only schemas and rights of issuers carries none of their clients', async () => {
  const { inputs } = await bundle('register-credentials.ts');
  // IAM it asks itself, about roles.
  const clients = /@aws-sdk\/client-sts\/|^lib\/aws\/iam-access-keys/;
  expect(inputs.filter((path) => clients.test(path))).toEqual([]);
});
