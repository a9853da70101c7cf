/** The demo's command line. */
import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly json: boolean;
  readonly keep: boolean;
  readonly help: boolean;
}

export const demoHelp = `Usage: npm start [-- options]

Brings up a local cloud, deploys keyturn to it, starts a private npm registry with three consumers of its token,
and rotates that token while they work. One of them does not let go of the old token until it is restarted.

Options:
  --json  print the report as one JSON object, the last line of stdout
  --keep  leave everything up after the report, until Ctrl-C
  --help  show this

Exit codes:
  0  rotated without one failed call, the revoke waited, the new key is accepted, the old one refused
  1  anything else
  2  wrong usage`;

/** @returns a sentence instead when an option is unknown. */
export function readDemoOptions(args: readonly string[]): DemoOptions | string {
  const boolean = { type: 'boolean', default: false } as const;
  try {
    const options = { json: boolean, keep: boolean, help: { ...boolean, short: 'h' } } as const;
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
