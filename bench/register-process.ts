/** A registration by itself, with the ports that its handler has: `node bench/register-process.ts <registration.json>`. */
import { readFile } from 'node:fs/promises';
import { withLedger, withRegistration } from '../lambdas/runtime/connect.ts';
import { registerCredentials } from '../lib/rotation/register-credentials.ts';

const registration = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8'));
const from = performance.now();
const { installationId, roleTroubles, ...counts } = await registerCredentials(
  { ...withLedger(), ...withRegistration() },
  registration,
);
const seconds = (performance.now() - from) / 1000;
const peakMiB = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ installationId, counts, roleTroubles, seconds, peakMiB }));
