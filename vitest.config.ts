import { defineConfig } from 'vitest/config';

/** Three projects: `unit` needs nothing, `infra` synthesizes and bundles, `cloud` runs on the local cloud. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.cloud.test.ts', 'test/constructs/**', 'test/architecture/**'],
          setupFiles: ['test/support/no-secret-leaks.ts'],
          env: { POWERTOOLS_LOG_LEVEL: 'SILENT' },
        },
      },
      {
        test: {
          name: 'infra',
          include: ['test/constructs/**/*.test.ts', 'test/architecture/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'cloud',
          include: ['test/**/*.cloud.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          // Its tests wait for graces and sweeps, not for a processor.
          maxConcurrency: 20,
        },
      },
    ],
  },
});
