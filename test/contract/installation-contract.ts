/** What every keeper of the installation's id does. */
import { describe, expect, it } from 'vitest';
import type { Installation } from '../../lib/rotation/ports.ts';

/** @param make no id yet for each test. */
export function installationContract(name: string, make: () => Promise<Installation>): void {
  describe(`${name} as installation`, () => {
    it('keeps the first id for ever', async () => {
      const installation = await make();
      expect(await installation.ensure('first')).toBe('first');
      expect(await installation.ensure('second')).toBe('first');
      expect(await installation.ensure('first')).toBe('first');
    });

    it('gives everybody the same id when several come at once', async () => {
      const installation = await make();
      const ids = await Promise.all(['a', 'b', 'c', 'd'].map((id) => installation.ensure(id)));
      expect(new Set(ids).size).toBe(1);
    });
  });
}
