/** Registered blocks in memory. */
import type { Blocks } from '../../lib/rotation/ports.ts';
import { copy } from './copy.ts';

export function memoryBlocks(): Blocks {
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
