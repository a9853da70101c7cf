/**
 * Plays the person who restarts a consumer that does not let go of a key: once it alone is on the leaving key, and a
 * verdict has named it.
 */
import type { Rotation } from '../lib/rotation/rotation.ts';
import type { Agent } from './agents.ts';
import type { View } from './view.ts';

/** So long the revoke is seen to wait for it. */
const secondsHeld = 4;

type Player = Pick<Agent, 'consumer' | 'letsGo' | 'counts' | 'restart'>;

/** Looks at the rotation as it is now; undefined when there is none. */
export type RestartWhenHeld = (rotation: Rotation | undefined) => Promise<void>;

export function restartWhenHeld(
  view: Pick<View, 'say'>,
  agents: readonly Player[],
  now: () => number = Date.now,
): RestartWhenHeld {
  let since: number | undefined;
  return async (rotation) => {
    const holders = rotation ? holdersOf(rotation, agents) : [];
    since = holders.length > 0 ? (since ?? now()) : undefined;
    if (since === undefined || now() - since < secondsHeld * 1000) return;
    since = undefined;
    for (const { consumer, restart } of holders) {
      view.say(`           restarting ${consumer}: everybody else has gone over`);
      await restart();
    }
  };
}

/** Who calls with the leaving key, was named by the newest verdict, and is not about to let go by itself, as all others have. */
function holdersOf(rotation: Rotation, agents: readonly Player[]): readonly Player[] {
  if (rotation.phase !== 'grace') return [];
  const [leaving, staying] =
    rotation.leaving === 'old'
      ? [rotation.oldGeneration, rotation.generation]
      : [rotation.generation, rotation.oldGeneration];
  const callsWith = (generation: number) => (agent: Player) => agent.counts().generation === generation;
  if (!agents.filter(({ letsGo }) => letsGo).every(callsWith(staying))) return [];
  return agents
    .filter(({ letsGo, consumer }) => !letsGo && rotation.verdict?.heldBy.includes(consumer))
    .filter(callsWith(leaving));
}
