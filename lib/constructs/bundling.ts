/** How handlers are bundled: once for the stack, and the same for the test that weighs the bundles. */
import { type BundlingOptions, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';

/** ESM keeps what is imported and drops the rest; `module` first, since the SDK's CommonJS build cannot be shaken. */
export const bundling = {
  format: OutputFormat.ESM,
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  sourceMap: false,
  externalModules: [],
  /** Some dependencies still call `require` of Node's own modules. */
  banner: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
} as const satisfies BundlingOptions;
