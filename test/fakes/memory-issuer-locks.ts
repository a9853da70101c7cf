/** Issuer locks in memory. */
import { StepBusy } from '../../lib/rotation/errors.ts';
import type { IssuerLocks } from '../../lib/rotation/ports.ts';
import type { Lease } from '../../lib/rotation/rotation.ts';
import { copy } from './copy.ts';

export function memoryIssuerLocks(): IssuerLocks {
  const locks = new Map<string, Lease>();
  return {
    async take(issuer, lease, now) {
      const held = locks.get(issuer);
      if (held && held.until >= now && held.requestId !== lease.requestId)
        throw new StepBusy(
          `issuer ${issuer} is locked by ${held.requestId} until ${held.until}: try again then`,
        );
      locks.set(issuer, copy(lease));
    },
    async drop(issuer, requestId) {
      if (locks.get(issuer)?.requestId === requestId) locks.delete(issuer);
    },
  };
}
