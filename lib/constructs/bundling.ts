/** How handlers are bundled: once for the stack, and the same for the test that weighs the bundles. */
import { AssetStaging } from 'aws-cdk-lib';
import { type BundlingOptions, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';

/** `module` first, since the SDK's CommonJS build cannot be shaken. */
const mainFields = ['module', 'main'];

/**
 * Every client of the SDK carries its search for credentials on a developer's machine: profiles, single sign-on, the
 * browser. A function of Lambda has its role's in the environment, so only that is bundled: 110 KiB less for each.
 */
const searched = '@aws-sdk/credential-provider-node';
const found = './lambdas/runtime/environment-credentials.ts';

/** Some dependencies still call `require` of Node's own modules. */
const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** ESM keeps what is imported and drops the rest. */
export const bundling = {
  format: OutputFormat.ESM,
  target: 'node24',
  mainFields,
  minify: true,
  sourceMap: false,
  externalModules: [],
  esbuildArgs: { '--alias': `${searched}=${found}` },
  /** In a container, paths are relative to this; on the machine itself, to the project. */
  workingDirectory: AssetStaging.BUNDLING_INPUT_DIR,
  banner,
} satisfies BundlingOptions;

/** The same in the words of esbuild's own API, to be run in the project's directory. */
export const esbuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: bundling.target,
  mainFields,
  minify: bundling.minify,
  alias: { [searched]: found },
  banner: { js: banner },
} as const;
