/**
 * The roles of an account in memory. A role that is made anew under its name gets another id, as IAM documents.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
 */
import type { Roles } from '../../lib/rotation/ports.ts';

export interface MemoryRoles extends Roles {
  /** Makes the role, anew if there is one. @returns its unique id. */
  make(arn: string): string;
  delete(arn: string): void;
}

export function memoryRoles(): MemoryRoles {
  const ids = new Map<string, string>();
  let made = 0;
  return {
    async idOf(arn) {
      return ids.get(arn) ?? null;
    },
    make: (arn) => {
      made += 1;
      const id = `AROA${String(made).padStart(17, '0')}`;
      ids.set(arn, id);
      return id;
    },
    delete: (arn) => void ids.delete(arn),
  };
}
