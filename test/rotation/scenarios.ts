/** Rotations that go through every step and route, for the tests that let them die everywhere. */

import { decide } from '../../lib/rotation/decide.ts';
import type { RotationRef } from '../../lib/rotation/ports.ts';
import { type Choice, graceFacts, type OutgoingEvent, type Phase } from '../../lib/rotation/rotation.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World, type WorldOptions } from '../support/world.ts';

export interface Staged {
  readonly world: World;
  readonly ref: RotationRef;
  /** What consumers do while the workflow waits. */
  readonly meanwhile: (world: World) => Promise<void>;
}

export interface Scenario {
  readonly name: string;
  readonly stage: () => Promise<Staged>;
  readonly ends: Extract<Phase, 'completed' | 'abandoned' | 'blocked'>;
  readonly events: readonly OutgoingEvent[];
  /** What there is afterwards; by default one key, which consumers read. */
  readonly leaves?: 'no key' | 'what was there';
  /** Live keys that there must never be more of. */
  readonly mostLiveKeys: number;
}

const completed = {
  ends: 'completed',
  events: ['Rotation Started', 'Key Promoted', 'Rotation Completed'],
} as const;

export const canDisable = { capabilities: { disable: true } } as const satisfies WorldOptions;

export const scenarios: readonly Scenario[] = [
  {
    name: 'a first key',
    stage: async () => staged(await aWorld()),
    ...completed,
    mostLiveKeys: 1,
  },
  {
    name: 'a planned rotation',
    stage: async () => staged(await aWorldWithKey()),
    ...completed,
    mostLiveKeys: 2,
  },
  {
    name: 'a rotation at an issuer without labels',
    stage: async () => staged(await aWorldWithKey({ capabilities: { named: false } })),
    ...completed,
    mostLiveKeys: 2,
  },
  {
    name: 'a rotation whose first key is lost',
    stage: async () => {
      const world = await aWorldWithKey();
      world.issuer.createThenFail();
      return staged(world);
    },
    ...completed,
    mostLiveKeys: 2,
  },
  {
    name: 'a rotation whose new key is refused',
    stage: async () => {
      const world = await aWorldWithKey();
      const old = world.issuer.keys().map(({ secret }) => secret.reveal());
      world.issuer.distortProbes((answer, secret) => (old.includes(secret.reveal()) ? answer : 'dead'));
      return staged(world);
    },
    ends: 'abandoned',
    events: ['Rotation Started', 'Rotation Abandoned'],
    mostLiveKeys: 2,
  },
  {
    name: 'a rotation that meets a key which may be of others',
    stage: async () => {
      const world = await aWorldWithKey({ capabilities: { named: false, exclusive: false } });
      world.issuer.createThenFail();
      return staged(world);
    },
    ends: 'blocked',
    leaves: 'what was there',
    events: ['Rotation Started', 'Unknown Key Found'],
    mostLiveKeys: 2,
  },
  {
    name: 'an adoption',
    stage: async () => staged(await aWorldToAdopt()),
    ends: 'completed',
    events: ['Rotation Started', 'Rotation Completed'],
    mostLiveKeys: 1,
  },
  {
    name: 'a retirement',
    stage: async () => {
      const world = await aWorldWithKey();
      await world.redeploy('without it');
      const ref = await world.nextRotation();
      return { world, ref, meanwhile: async () => leave(world) };
    },
    ends: 'completed',
    leaves: 'no key',
    events: ['Rotation Started', 'Rotation Completed'],
    mostLiveKeys: 1,
  },
  {
    name: 'a rotation at an issuer that can disable',
    stage: async () => staged(await aWorldWithKey(canDisable)),
    ...completed,
    mostLiveKeys: 2,
  },
  {
    name: 'a rotation whose disabled key is missed',
    stage: async () => missedWhileDisabled(await staged(await aWorldWithKey(canDisable))),
    ends: 'completed',
    events: ['Rotation Started', 'Key Promoted', 'Key Enabled', 'Rotation Completed'],
    mostLiveKeys: 2,
  },
  {
    name: 'a rotation that its owner rolls back',
    stage: async () =>
      held(await aWorldWithKey({ ...canDisable, declaration: { targets: ['vault'] } }), 'roll-back'),
    ends: 'completed',
    events: ['Rotation Started', 'Key Promoted', 'Decision Needed', 'Key Promoted', 'Rotation Completed'],
    mostLiveKeys: 2,
  },
  {
    name: 'a rotation whose old key its owner has revoked',
    stage: async () => held(await aWorldWithKey(), 'revoke'),
    ends: 'completed',
    events: ['Rotation Started', 'Key Promoted', 'Decision Needed', 'Rotation Completed'],
    mostLiveKeys: 2,
  },
  {
    name: 'a rotation with one target',
    stage: async () => staged(await aWorldWithKey({ declaration: { targets: ['vault'] } })),
    ...completed,
    mostLiveKeys: 2,
  },
];

/** The consumer's process says goodbye. */
export const leave = (world: World): Promise<void> => world.report({ holds: [], leftAt: world.clock.now() });

/** A world in which a first key is in use. */
export async function aWorldWithKey(options: WorldOptions = {}): Promise<World> {
  const world = await aWorld(options);
  await runWorkflow(world, await world.nextRotation());
  await world.report();
  world.clock.advance(86_400);
  await world.report();
  return world;
}

/** Secrets Manager's version id of the value that somebody put into a secret by hand. */
export const versionByHand = '11111111-2222-4333-8444-555555555555';

/**
 * A world in which the declared secret holds a key that somebody made by hand, 40 days ago.
 * @param write the secret's text.
 */
export async function aWorldToAdopt(
  { declaration, ...options }: WorldOptions = {},
  write = (apiKey: string, keyId: string): string => JSON.stringify({ apiKey, keyId }),
): Promise<World> {
  const world = await aWorld({ declaration: { adopt: { keyId: 'key-1' }, ...declaration }, ...options });
  const { keyId, secret } = world.issuer.addForeignKey();
  await fillByHand(world, new SecretText(write(secret.reveal(), keyId)));
  world.clock.advance(40 * 86_400);
  await world.report();
  return world;
}

/** Somebody makes the world's secret, with a console. */
export async function fillByHand(world: World, text: SecretText, kmsKeyArn?: string): Promise<void> {
  await world.secrets.create({
    name: world.secretName,
    token: versionByHand,
    placeholder: text.reveal(),
    credentialId: world.credentialId,
    ...(kmsKeyArn && { kmsKeyArn }),
  });
}

/** Somebody whom nobody knows uses the old key, once, while it is disabled. */
function missedWhileDisabled({ world, ref, meanwhile }: Staged): Staged {
  let missed = false;
  return {
    world,
    ref,
    meanwhile: async () => {
      await meanwhile(world);
      const rotation = await world.rotation(ref);
      if (missed || rotation.phase !== 'observing') return;
      missed = true;
      const old = (await world.keys()).find(({ generation }) => generation === rotation.oldGeneration);
      const at = world.clock.now();
      await world.report({
        consumer: 'cron-reports',
        instance: 'nightly',
        holds: [],
        leftAt: at,
        lastUse: { [old?.versionId ?? '']: at },
      });
    },
  };
}

/** The consumer uses the old key until its owner, asked, has decided; then it does as AWSCURRENT says. */
async function held(world: World, choice: Choice): Promise<Staged> {
  const ref = await world.nextRotation();
  const before = (await world.currentVersion()) ?? '';
  return {
    world,
    ref,
    meanwhile: async () => {
      const rotation = await world.rotation(ref);
      const facts = graceFacts(rotation);
      const isAsked = rotation.phase === 'grace' && facts?.question;
      if (isAsked) await decide(world.ports(), { credentialId: world.credentialId, choice, by: 'ada' });
      await world.report(facts?.decision || isAsked ? {} : { holds: [before] });
    },
  };
}

async function staged(world: World): Promise<Staged> {
  const ref = await world.nextRotation();
  const before = await world.currentVersion();
  return {
    world,
    ref,
    meanwhile: async () => {
      const looked = (graceFacts(await world.rotation(ref))?.checks ?? 0) > 0;
      await world.report(looked || !before ? {} : { holds: [before] });
    },
  };
}
