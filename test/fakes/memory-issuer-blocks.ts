/** Registered issuer blocks in memory. */
import type { IssuerBlocks } from '../../lib/rotation/ports.ts';
import { copy } from './copy.ts';

export function memoryIssuerBlocks(): IssuerBlocks {
  const blocks = new Map<string, unknown>();
  return {
    async put(name, block) {
      blocks.set(name, copy(block));
    },
    async get(name) {
      return copy(blocks.get(name));
    },
  };
}
