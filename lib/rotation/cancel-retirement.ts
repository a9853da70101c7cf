/** A credential that is declared again while it retires keeps its last key, as long as nobody has revoked it. */
import { dueAfter } from './due.ts';
import type { Ports } from './ports.ts';
import { isOnTrial } from './rotation.ts';
import type { Turn } from './turn.ts';
import { oldKey } from './turn-state.ts';

export const isDeclaredAgain = ({ rotation, credential }: Turn): boolean =>
  rotation.kind === 'retire' && credential.removedAt === null;

/** As Cancel retirement; a key that is, or may be, disabled is enabled first. */
export function spare(ports: Pick<Ports, 'clock'>, turn: Turn): Promise<void> {
  return isOnTrial(turn.rotation) ? turn.record({ name: 'keySpared' }) : cancelRetirement(ports, turn);
}

/** Ends the retirement; the key simply lives on. */
export async function cancelRetirement({ clock }: Pick<Ports, 'clock'>, turn: Turn): Promise<void> {
  const now = clock.now();
  const { declaration, lastPromotedAt } = turn.credential;
  const reason = 'the credential is declared again';
  const key = oldKey(turn);
  await turn.record(
    { name: 'retirementCancelled', at: now, reason },
    {
      credential: {
        activeRotation: null,
        status: key ? 'active' : 'new',
        dueAt: key ? dueAfter(declaration.policy, key, lastPromotedAt ?? key.mintedAt) : now,
      },
      announce: { type: 'Rotation Abandoned', detail: { reason } },
    },
  );
}
