/** The installation's id in memory. */
import type { Installation } from '../../lib/rotation/ports.ts';

export function memoryInstallation(): Installation {
  let id: string | undefined;
  return {
    async ensure(candidate) {
      id ??= candidate;
      return id;
    },
  };
}
