#!/usr/bin/env node
/** The CLI's shim: everything is in lib/cli. */
import { processHost } from '../lib/cli/host.ts';
import { main } from '../lib/cli/main.ts';

// whoever reads us through a pipe may have seen enough, as `head` does
process.stdout.on('error', (error) => {
  if (!('code' in error) || error.code !== 'EPIPE') throw error;
  process.exit();
});
process.exitCode = await main(process.argv.slice(2), processHost);
