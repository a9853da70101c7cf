import { test } from 'vitest';
import { runOnTwins } from '../support/asl/on-twins.ts';
import { synthesizedMachine } from '../support/asl/synthesized.ts';
import { aWorldWithKey } from './scenarios.ts';

test('trace', async () => {
  const machine = synthesizedMachine();
  const world = await aWorldWithKey();
  const ref = await world.nextRotation();
  const begun = Date.parse(world.clock.now());
  const hookOf =
    () =>
    async ({ port, method }: { port: string; method: string }, effect: () => Promise<unknown>) => {
      const out = Date.parse(world.clock.now()) - begun < 2 * 86_400_000;
      if (port === 'issuer' && method === 'revoke' && out) throw new Error('the issuer is out');
      return effect();
    };
  const execution = await runOnTwins(machine, world, ref, { hookOf });
  for (const r of await world.ledger.audit(world.credentialId))
    console.log(
      r.at,
      r.what,
      JSON.stringify((r.after as any).deadline ?? ''),
      JSON.stringify((r.after as any).verdict?.reason ?? ''),
    );
  console.log(execution.entered.join(', '), execution.transitions);
});
