/** A world for one target: what a test does not give must not be used. */
import { SecretText } from '../../lib/rotation/secret-text.ts';
import type { TargetWorld } from '../../lib/targets/define-target.ts';
import { plus } from '../../lib/usage/instant.ts';
import { manualClock } from '../fakes/manual-clock.ts';
import { SENTINEL } from '../support/sentinel.ts';

/** What the receiver of a webhook shares with keyturn. */
export const signingKey = `${SENTINEL}-signing-key-of-a-webhook`;

export function aTargetWorld(own: Partial<TargetWorld> = {}): TargetWorld {
  const { clock = manualClock() } = own;
  const unused = async (): Promise<never> => {
    throw new Error('this target should not have called that');
  };
  return {
    mode: 'demo',
    parameters: { put: unused, look: unused },
    functions: { invoke: unused, mayInvoke: unused, setVariable: unused, look: unused },
    secret: async () => ({ signingKey: new SecretText(signingKey) }),
    fetch,
    deadline: () => plus(clock.now(), 30),
    ...own,
    clock,
  };
}
