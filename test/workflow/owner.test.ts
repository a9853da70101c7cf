/** The synthesized state machine where a person decides, and where a key is tried before it ends. */
import { describe, expect, it } from 'vitest';
import { type DecideInput, decide } from '../../lib/rotation/decide.ts';
import { secondsBetween } from '../../lib/usage/instant.ts';
import { expectOneKey, expectSoundAudit } from '../rotation/invariants.ts';
import { aWorldWithKey, canDisable } from '../rotation/scenarios.ts';
import { executionOnTwins, type TwinOptions } from '../support/asl/on-twins.ts';
import type { Execution } from '../support/asl/run-machine.ts';
import { synthesizedMachine } from '../support/asl/synthesized.ts';
import { timelineOn } from '../support/asl/timeline.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import type { World, WorldOptions } from '../support/world.ts';

const machine = synthesizedMachine();

const day = 86_400;

/** A rotation whose one consumer reports each minute, with the old key until somebody moves it. */
async function aHeldRotation(options: WorldOptions = {}) {
  const world = await aWorldWithKey(options);
  const old = (await world.currentVersion()) ?? '';
  const ref = await world.nextRotation();
  const timeline = timelineOn(world.clock);
  const ended: Execution[] = [];
  let hasMoved = false;
  /** For a work on the timeline: sleeps until the owner is waited for, at most as long as the rotation runs. */
  const asked = async (): Promise<void> => {
    while (ended.length === 0 && !(await view(world)).rotation?.token) await timeline.sleep(60);
  };
  const run = async (more: TwinOptions = {}): Promise<Execution> => {
    const afterWait = () => world.report(hasMoved ? {} : { holds: [old] });
    timeline.begin(async () => {
      ended.push(await executionOnTwins(machine, world, ref, { timeline, afterWait, ...more }));
    });
    timeline.begin(async () => {
      while (ended.length === 0) {
        await timeline.sleep(60);
        await afterWait();
      }
    });
    await timeline.run();
    const [execution] = ended;
    if (!execution) throw new Error('it has not ended');
    expectNoSecret(world.ledger.rows(), world.events.events, execution);
    await expectSoundAudit(world);
    return execution;
  };
  const move = (): void => {
    hasMoved = true;
  };
  return { world, ref, old, timeline, asked, move, run };
}

const view = async (world: World) => {
  const { activeRotation } = (await world.view()).credential;
  return (await world.ledger.load(world.credentialId, activeRotation ?? '')) ?? (await world.view());
};

const answer = (world: World, input: Pick<DecideInput, 'choice' | 'seconds'>) =>
  decide(world.ports(), { credentialId: world.credentialId, by: 'ada', ...input });

const asksOf = (world: World) => world.events.events.filter(({ type }) => type === 'Decision Needed');

describe('the synthesized state machine, past the deadline', () => {
  it('waits for the owner and goes on at the moment of the decision', async () => {
    const { world, timeline, asked, run } = await aHeldRotation();
    const decided = { at: '', woken: false };
    timeline.begin(async () => {
      await asked();
      await timeline.sleep(600);
      const { woken } = await answer(world, { choice: 'revoke' });
      Object.assign(decided, { at: timeline.now(), woken });
    });
    const execution = await run();
    expect(decided.woken).toBe(true);
    expect(execution.output).toMatchObject({ status: 'completed' });
    const waited = execution.entered.indexOf('Ask owner');
    expect(execution.entered.slice(waited, waited + 5)).toEqual([
      'Ask owner',
      'Check drain',
      'Drained?',
      'Revoke key',
      'Prove dead',
    ]);
    expect(secondsBetween(decided.at, execution.endedAt)).toBeLessThan(60);
  });

  it('reminds an owner who does not answer each day, and ends by proof after all', async () => {
    const { world, timeline, asked, move, run } = await aHeldRotation();
    timeline.begin(async () => {
      await asked();
      await timeline.sleep(2.5 * day);
      move();
    });
    const execution = await run();
    expect(execution.output).toMatchObject({ status: 'completed' });
    expect(asksOf(world).map(({ detail }) => detail['question'])).toEqual([1, 1, 1]);
    // Each hour it looks at the drain again, so that the proof is found soon after.
    expect(execution.entered.filter((name) => name === 'Ask owner').length).toBeGreaterThan(2.5 * 24);
    await expectOneKey(world);
  });

  it('follows an answer that came before it could wait', async () => {
    const { world, run } = await aHeldRotation();
    let isAnswered = false;
    const execution = await run({
      hookOf:
        ({ step }) =>
        async (_call, effect) => {
          if (step !== 'askOwner' || isAnswered) return effect();
          isAnswered = true;
          await answer(world, { choice: 'revoke' });
          return effect();
        },
    });
    expect(execution.output).toMatchObject({ status: 'completed' });
    expect(execution.thrown).toMatchObject([{ name: 'AlreadyDecided' }]);
    expect(world.executions.woken).toEqual([]);
  });

  it('gives the time that the owner gives, and then asks anew', async () => {
    const { world, timeline, asked, move, run } = await aHeldRotation();
    timeline.begin(async () => {
      await asked();
      await answer(world, { choice: 'extend', seconds: 3600 });
      await timeline.sleep(3700);
      await asked();
      move();
    });
    await run();
    expect(asksOf(world).map(({ detail }) => detail['question'])).toEqual(expect.arrayContaining([1, 2]));
    await expectOneKey(world);
  });

  it('rolls back by way of the targets, and ends the new key in the place of the old', async () => {
    const { world, timeline, asked, move, old, run } = await aHeldRotation({
      declaration: { targets: ['vault'] },
    });
    timeline.begin(async () => {
      await asked();
      await answer(world, { choice: 'roll-back' });
      move();
    });
    const execution = await run();
    const rolled = execution.entered.indexOf('Roll back');
    expect(execution.entered.slice(rolled, rolled + 4)).toEqual([
      'Roll back',
      'Promoted?',
      'Deploy to targets',
      'Deploy key',
    ]);
    expect(execution.output).toMatchObject({ status: 'completed' });
    expect(await world.currentVersion()).toBe(old);
    expect((await world.keys()).map(({ status }) => status)).toEqual(['current', 'dead']);
  });
});

describe('the synthesized state machine, at an issuer that can disable', () => {
  it('disables, observes and revokes, with no state between the look and the revoke', async () => {
    const { world, timeline, move, run } = await aHeldRotation(canDisable);
    timeline.begin(async () => move());
    const { entered, output } = await run();
    const disabled = entered.indexOf('Disable key');
    expect(entered.slice(disabled, disabled + 6)).toEqual([
      'Disable key',
      'Observe',
      'Check breakage',
      'Revoke key',
      'Prove dead',
      'Whose proof?',
    ]);
    expect(output).toMatchObject({ status: 'completed' });
    await expectOneKey(world);
  });

  it('enables a key that somebody missed, and revokes nothing on the way there', async () => {
    const { world, timeline, move, old, run } = await aHeldRotation(canDisable);
    let isMissed = false;
    timeline.begin(async () => {
      move();
      while ((await view(world)).rotation?.phase !== 'observing') await timeline.sleep(60);
      const at = timeline.now();
      await world.report({
        consumer: 'cron-reports',
        instance: 'nightly',
        holds: [],
        leftAt: at,
        lastUse: { [old]: at },
      });
      isMissed = true;
    });
    const { entered, output } = await run();
    expect(isMissed).toBe(true);
    const enabled = entered.indexOf('Enable key');
    expect(entered.slice(enabled - 4, enabled + 2)).toEqual([
      'Check breakage',
      'Revoke key',
      'Prove dead',
      'Whose proof?',
      'Enable key',
      'Check drain',
    ]);
    expect(world.issuer.calls.filter(({ verb }) => verb === 'revoke')).toHaveLength(1);
    expect(entered.filter((name) => name === 'Disable key')).toHaveLength(2);
    expect(output).toMatchObject({ status: 'completed' });
  });
});
