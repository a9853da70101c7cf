/** What everything that starts executions does. */
import { describe, expect, it } from 'vitest';
import type { Executions } from '../../lib/rotation/ports.ts';

const input = { credentialId: 'billing-agent', rotationId: 'rotation-1', run: 1, requestedBy: 'schedule' };

/** Executions, and what has been started by name. */
export interface ObservedExecutions {
  readonly executions: Executions;
  started(): Promise<readonly { readonly name: string; readonly input: unknown }[]>;
}

/** @param make nothing started yet for each test. */
export function executionsContract(name: string, make: () => Promise<ObservedExecutions>): void {
  describe(`${name} as executions`, () => {
    it('start under the given name with the given input', async () => {
      const { executions, started } = await make();
      await executions.start('rotation-1-1', input);
      expect(await started()).toEqual([{ name: 'rotation-1-1', input }]);
    });

    it('start a name once, also when the input differs', async () => {
      const { executions, started } = await make();
      await executions.start('rotation-1-1', input);
      await executions.start('rotation-1-1', input);
      await executions.start('rotation-1-1', { ...input, requestedBy: 'a person' });
      expect(await started()).toEqual([{ name: 'rotation-1-1', input }]);
    });

    it('start another name beside it', async () => {
      const { executions, started } = await make();
      await executions.start('rotation-1-1', input);
      await executions.start('rotation-1-2', { ...input, run: 2 });
      expect((await started()).map((each) => each.name).sort()).toEqual(['rotation-1-1', 'rotation-1-2']);
    });
  });
}
