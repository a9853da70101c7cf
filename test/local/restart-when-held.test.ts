/** The demo restarts the consumer that does not let go, but only once it is seen that the revoke waits for it. */
import { describe, expect, it } from 'vitest';
import type { Rotation } from '../../lib/rotation/rotation.ts';
import type { DrainVerdict } from '../../lib/usage/drain.ts';
import { restartWhenHeld } from '../../local/restart-when-held.ts';
import { aRotation } from '../support/builders.ts';

describe('the consumer that does not let go', () => {
  it('is restarted four seconds after a verdict has named it, when everybody else has moved', async () => {
    const demo = aDemo({ builder: 2, dashboard: 1 });
    await demo.lookAt(0, heldBy('dashboard'));
    await demo.lookAt(3.9, heldBy('dashboard'));
    expect(demo.restarted).toEqual([]);
    await demo.lookAt(4, heldBy('dashboard'));
    expect(demo.restarted).toEqual(['dashboard']);
    expect(demo.said.join()).toContain('restarting dashboard');
  });

  it('is left alone while somebody else is on the old key too: the time begins when that one has moved', async () => {
    const demo = aDemo({ builder: 1, dashboard: 1 });
    await demo.lookAt(0, heldBy('builder', 'dashboard'));
    await demo.lookAt(60, heldBy('builder', 'dashboard'));
    demo.calls('builder', 2);
    await demo.lookAt(61, heldBy('builder', 'dashboard'));
    await demo.lookAt(64, heldBy('dashboard'));
    expect(demo.restarted).toEqual([]);
    await demo.lookAt(65, heldBy('dashboard'));
    expect(demo.restarted).toEqual(['dashboard']);
  });

  it('is left alone until a look has named it', async () => {
    const demo = aDemo({ builder: 2, dashboard: 1 });
    await demo.lookAt(0, aRotation({ at: 'grace' }));
    await demo.lookAt(60, aRotation({ at: 'grace' }));
    await demo.lookAt(63, heldBy('dashboard'));
    await demo.lookAt(66, heldBy('dashboard'));
    expect(demo.restarted).toEqual([]);
    await demo.lookAt(67, heldBy('dashboard'));
    expect(demo.restarted).toEqual(['dashboard']);
  });

  it('is restarted once: the verdict that still names it is older than its new process', async () => {
    const demo = aDemo({ builder: 2, dashboard: 1 });
    await demo.lookAt(0, heldBy('dashboard'));
    await demo.lookAt(8, heldBy('dashboard'));
    demo.calls('dashboard', 2);
    await demo.lookAt(30, heldBy('dashboard'));
    await demo.lookAt(60, heldBy('dashboard'));
    expect(demo.restarted).toEqual(['dashboard']);
  });

  it('is left alone when no rotation is in its grace', async () => {
    const demo = aDemo({ builder: 2, dashboard: 1 });
    await demo.lookAt(0, undefined);
    await demo.lookAt(60, aRotation({ at: 'revoking' }));
    await demo.lookAt(120, undefined);
    expect(demo.restarted).toEqual([]);
  });

  it('is restarted after a roll back when it holds the new key', async () => {
    const demo = aDemo({ builder: 1, dashboard: 2 });
    await demo.lookAt(0, heldBy('dashboard', { leaving: 'new' }));
    await demo.lookAt(8, heldBy('dashboard', { leaving: 'new' }));
    expect(demo.restarted).toEqual(['dashboard']);
  });
});

/** From generation 1 to 2, its newest verdict held back by these. */
function heldBy(...names: readonly (string | { readonly leaving: 'new' })[]): Rotation {
  const consumers = names.filter((name) => typeof name === 'string');
  const [facts = {}] = names.filter((name) => typeof name === 'object');
  const verdict: DrainVerdict = {
    outcome: 'waiting',
    lastOldUse: null,
    reason: 'they hold it',
    consumers: [],
    heldBy: consumers,
  };
  return aRotation({ at: 'grace', verdict, ...facts });
}

type Name = 'builder' | 'dashboard';

function aDemo(generations: Readonly<Record<Name, number>>) {
  const generationOf = new Map<Name, number>([
    ['builder', generations.builder],
    ['dashboard', generations.dashboard],
  ]);
  const restarted: string[] = [];
  const said: string[] = [];
  const agent = (consumer: Name) => ({
    consumer,
    letsGo: consumer === 'builder',
    counts: () => {
      const generation = generationOf.get(consumer) ?? null;
      return { calls: 9, refused: 0, failedReads: 0, generation, byGeneration: {} };
    },
    restart: async () => void restarted.push(consumer),
  });
  let now = 0;
  const view = { say: (line: string) => void said.push(line) };
  const look = restartWhenHeld(view, [agent('builder'), agent('dashboard')], () => now);
  return {
    restarted,
    said,
    calls: (consumer: Name, generation: number) => void generationOf.set(consumer, generation),
    lookAt: (seconds: number, rotation: Rotation | undefined) => {
      now = seconds * 1000;
      return look(rotation);
    },
  };
}
