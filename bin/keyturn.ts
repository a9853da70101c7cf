#!/usr/bin/env node
/** The CLI's shim: everything is in lib/cli. */
import { processHost } from '../lib/cli/host.ts';
import { main } from '../lib/cli/main.ts';

process.exitCode = await main(process.argv.slice(2), processHost);
