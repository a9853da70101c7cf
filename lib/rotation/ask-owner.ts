/** Ask owner: leaves with the ledger what wakes the execution once the owner has decided. */
import { plus, type Seconds } from '../usage/instant.ts';
import { AlreadyDecided } from './errors.ts';
import type { RotationRef } from './ports.ts';
import { expectedWithin } from './record-change.ts';
import { graceFacts } from './rotation.ts';
import { type TurnPorts, takeTurn } from './turn.ts';

/** An owner is reminded once a day. */
export const remindEvery: Seconds = 86_400;

/** The key may drain while its owner thinks: so often the state machine stops waiting to have a look. */
export const answerWithin: Seconds = 3600;

/**
 * Check drain has put the question. This keeps the task's token, which only wakes: what was decided stands in the
 * ledger. A decision needs the rotation's lease, as this does, so that it finds the token, or is found here.
 *
 * Run twice, the newer token counts; the older one's execution is not waited for any more.
 *
 * @throws AlreadyDecided when the answer was faster: the workflow looks at the drain again.
 */
export async function askOwner(
  ports: TurnPorts,
  { token, ...ref }: RotationRef & { readonly token: string },
): Promise<{ readonly question: number }> {
  return takeTurn(ports, 'askOwner', ref, async ({ rotation, credential }) => {
    const question = rotation.phase === 'grace' ? graceFacts(rotation)?.question : null;
    if (!question) {
      throw new AlreadyDecided(
        `rotation ${rotation.rotationId} of ${credential.id} has no open question any more: it goes on`,
      );
    }
    const wakesAt = plus(ports.clock.now(), answerWithin);
    await ports.ledger.note(ref, { token, expectedBy: plus(wakesAt, expectedWithin(credential)) });
    return { question: question.number };
  });
}
