/** What every keeper of issuer or target blocks does. */
import { describe, expect, it } from 'vitest';
import type { Blocks } from '../../lib/rotation/ports.ts';

const block = {
  type: 'http',
  exclusive: true,
  requests: { create: { method: 'POST', path: '/v1/keys', body: { name: '${label}', scopes: [] } } },
  probe: [{ status: 401, body: null }],
};

/** @param make no blocks for each test. */
export function blocksContract(name: string, make: () => Promise<Blocks>): void {
  describe(`${name} as blocks`, () => {
    it('give a block back as it was put', async () => {
      const blocks = await make();
      await blocks.put('openai', block);
      expect(await blocks.get('openai')).toEqual(block);
    });

    it('know nothing of a block that was never put', async () => {
      const blocks = await make();
      await blocks.put('openai', block);
      expect(await blocks.get('stripe')).toBeUndefined();
    });

    it('replace a block as a whole', async () => {
      const blocks = await make();
      await blocks.put('openai', block);
      await blocks.put('openai', { type: 'http' });
      expect(await blocks.get('openai')).toEqual({ type: 'http' });
    });
  });
}
