/** A registration by itself, with the ports that its handler has: `node bench/register-process.ts <credentials>`. */
import { withLedger, withRegistration } from '../lambdas/runtime/connect.ts';
import { registerCredentials } from '../lib/rotation/register-credentials.ts';
import { aDeclaration } from '../test/support/builders.ts';

const count = Number(process.argv[2]);

/** Each its own, as if keyturn.yaml had been read. */
const credentials = Object.fromEntries(
  Array.from({ length: count }, (_, index) => {
    const name = `keyturn/bench/agent-${index}`;
    const { secret, ...declaration } = aDeclaration();
    return [`agent-${index}`, { ...declaration, secret: { ...secret, name } }];
  }),
);

const from = performance.now();
const { added } = await registerCredentials(
  { ...withLedger(), ...withRegistration() },
  { issuers: { openai: { type: 'http' } }, targets: {}, credentials },
);
const seconds = (performance.now() - from) / 1000;
if (added !== count) throw new Error(`${added} of ${count} credentials were registered`);
const peakMiB = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ credentials: count, seconds, peakMiB }));
