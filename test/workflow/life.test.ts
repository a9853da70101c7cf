/** Credentials over hours and months: the synthesized workflow and the sweep on a clock that jumps. */
import { beforeAll, describe, expect, it } from 'vitest';
import { pause, unpause } from '../../lib/rotation/pause.ts';
import { registerCredentials } from '../../lib/rotation/register-credentials.ts';
import { graceFacts } from '../../lib/rotation/rotation.ts';
import { type Instant, latest, plus, secondsBetween } from '../../lib/usage/instant.ts';
import {
  expectEvents,
  expectNoStageLeft,
  expectOneKey,
  expectSoundAudit,
  watchOver,
} from '../rotation/invariants.ts';
import { runOnTwins } from '../support/asl/on-twins.ts';
import { sweepingOn } from '../support/asl/sweeping.ts';
import { synthesizedMachine } from '../support/asl/synthesized.ts';
import { timelineOn } from '../support/asl/timeline.ts';
import { aDeclaration } from '../support/builders.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import { aWorld, type World } from '../support/world.ts';

const machine = synthesizedMachine();

const minute = 60;
const hour = 3600;
const day = 86_400;

/** Milliseconds that a whole life may take on a busy machine. */
const patience = 60_000;

async function aWorldWithTarget(): Promise<World> {
  const world = await aWorld({ declaration: { targets: ['copy'] } });
  await runOnTwins(machine, world, await world.nextRotation());
  await world.report();
  world.clock.advance(day);
  await world.report();
  return world;
}

/** A rotation whose target does not answer for so long, and what was seen of it at a moment in between. */
async function outage(world: World, seconds: number, lookAfter: number) {
  const ref = await world.nextRotation();
  const watch = watchOver(world);
  const timeline = timelineOn(world.clock);
  const target = world.targetOf('copy');
  const old = (await world.keys()).map(({ keyId }) => keyId);
  const healsAt = plus(world.clock.now(), seconds);
  const seen: unknown[] = [];
  target.fail();
  timeline.begin(async () => {
    await timeline.sleep(lookAfter);
    const live = world.issuer.liveKeys().map(({ keyId }) => keyId);
    seen.push({
      facts: graceFacts(await world.rotation(ref)),
      oldLives: old.every((id) => live.includes(id)),
    });
  });
  timeline.begin(async () => {
    await timeline.sleepUntil(healsAt);
    target.fail(false);
  });
  const hookOf = () => watch.hook((_call, effect) => effect());
  const execution = await runOnTwins(machine, world, ref, { timeline, hookOf });
  return { ref, execution, watch, healsAt, seen: seen[0], facts: graceFacts(await world.rotation(ref)) };
}

const told = (world: World) => world.events.events.filter(({ type }) => type === 'Target Failing');

describe('a target that does not answer for an hour', () => {
  it('gets the key by the state machine’s retries, and then the old key may die', async () => {
    const world = await aWorldWithTarget();
    const { ref, execution, watch, healsAt, seen, facts } = await outage(world, hour, 30 * minute);
    expect(seen).toMatchObject({
      oldLives: true,
      facts: { deployments: { copy: { done: false, reason: 'the target does not answer' } } },
    });
    const deployedAt = facts?.deployments['copy']?.at ?? '';
    expect(secondsBetween(healsAt, deployedAt)).toBeLessThanOrEqual(10 * minute);
    expect((facts?.drainedAt ?? '') >= deployedAt).toBe(true);
    expect(execution.entered.filter((name) => name === 'Deploy key')).toHaveLength(1);
    expect(world.targetOf('copy').held()?.reveal()).toBe((await world.currentSecret())?.reveal());
    expect(watch.momentsWithoutKey()).toEqual([]);
    await expectOneKey(world);
    await expectEvents(world, ref, [
      'Rotation Started',
      'Key Promoted',
      'Target Failing',
      'Rotation Completed',
    ]);
  });

  it('is told to the owner once', async () => {
    const world = await aWorldWithTarget();
    const { execution } = await outage(world, hour, minute);
    expect(told(world)).toHaveLength(1);
    expect(told(world)[0]?.detail).toMatchObject({ target: 'copy', owner: { name: 'billing-team' } });
    expect(execution.events.filter((type) => type === 'TaskFailed').length).toBeGreaterThan(3);
  });
});

describe('a target that does not answer for five hours', () => {
  it('holds the old key, by name, until Check drain has come back to it', async () => {
    const world = await aWorldWithTarget();
    const { execution, seen, facts, healsAt } = await outage(world, 5 * hour, 4.5 * hour);
    expect(seen).toMatchObject({ oldLives: true, facts: { verdict: { heldBy: ['target copy'] } } });
    expect(execution.entered).toContain('Left behind');
    expect(execution.entered.filter((name) => name === 'Deploy key').length).toBeGreaterThan(1);
    expect((facts?.drainedAt ?? '') > healsAt).toBe(true);
    expect(told(world)).toHaveLength(1);
    await expectOneKey(world);
    await expectSoundAudit(world);
  });
});

/** Credentials of a team, all new; the world's own is not declared any more. */
async function aFleet(world: World, size: number): Promise<readonly string[]> {
  const ids = Array.from({ length: size }, (_, index) => `agent-${String(index).padStart(3, '0')}`);
  const credentials = ids.map((id) => {
    const secret = { name: `keyturn/demo/${id}`, format: 'text' } as const;
    return [id, aDeclaration({ secret, consumers: [{ name: id, presence: 'continuous', lostAfter: hour }] })];
  });
  const { issuer } = aDeclaration();
  const issuers = { [issuer]: { type: 'memory' } };
  await registerCredentials(world.ports(), {
    issuers,
    targets: {},
    accounts: {},
    prefixes: ['keyturn/'],
    credentials: Object.fromEntries(credentials),
  });
  return ids;
}

/** One process of a credential's consumer, which has read whatever is current now. */
async function reportUse(world: World, credentialId: string): Promise<void> {
  const { credential } = (await world.ledger.load(credentialId)) ?? {};
  const holds = credential?.currentVersionId ? [credential.currentVersionId] : [];
  const now = world.clock.now();
  const presence = {
    credentialId,
    consumer: credentialId,
    instance: 'process-1',
    seq: Date.parse(now),
    windowEnd: now,
    lastSeen: now,
    leftAt: null,
    lastUse: Object.fromEntries(holds.map((versionId) => [versionId, now])),
    holds,
  };
  await world.usage.apply({ presence: [presence], usage: [] });
}

describe('400 credentials that become due at once', () => {
  const size = 400;

  async function allDue() {
    // An issuer that lists would list all keys to each of the 800 rotations, which is not what this is about.
    const world = await aWorld({ capabilities: { list: false, maxLiveKeys: 10 * size } });
    const ids = await aFleet(world, size);
    const sweeping = sweepingOn(machine, world, {
      afterWait: (_world, { credentialId }) => reportUse(world, credentialId),
    });
    const { timeline } = sweeping;
    const sweepEachMinute = async (minutes: number): Promise<void> => {
      timeline.begin(async () => {
        for (let swept = 0; swept < minutes; swept += 1) {
          timeline.begin(async () => void (await sweeping.sweep()));
          await timeline.sleep(minute);
        }
      });
      await timeline.run();
    };
    await sweepEachMinute(5);
    world.clock.advance(90 * day);
    const before = sweeping.ended.length;
    for (const id of ids) await reportUse(world, id);
    await sweepEachMinute(5);
    return { world, ids, before, ...sweeping };
  }

  let staged: Awaited<ReturnType<typeof allDue>>;

  beforeAll(async () => {
    staged = await allDue();
  }, patience);

  it('start at most five a second', async () => {
    const { world } = staged;
    const starts = world.executions.started.map(({ at }) => Date.parse(at));
    const within = starts.map((at) => starts.filter((other) => other >= at && other < at + 1000).length);
    expect(Math.max(...within)).toBeLessThanOrEqual(5);
  });

  it('start once each', async () => {
    const { world, ids, before } = staged;
    const names = world.executions.started.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const again = world.executions.started.slice(before).map(({ input }) => input.credentialId);
    expect(again.sort()).toEqual(ids);
  });

  it('all get their new key, and no old one is left', async () => {
    const { world, ids, ended } = staged;
    expect(ended.filter(({ status }) => status !== 'SUCCEEDED')).toEqual([]);
    const credentials = await world.ledger.credentials();
    const fleet = credentials.filter(({ id }) => ids.includes(id));
    expect(fleet.map(({ status }) => status)).toEqual(ids.map(() => 'active'));
    expect(new Set(fleet.map(({ currentGeneration }) => currentGeneration))).toEqual(new Set([2]));
    expect(world.issuer.keys()).toHaveLength(2 * size);
    expect(world.issuer.liveKeys()).toHaveLength(size);
  });
});

/** Mondays to Thursdays, while somebody is there. */
const office = {
  days: ['mon', 'tue', 'wed', 'thu'],
  from: '09:00',
  to: '16:00',
  timeZone: 'Europe/Berlin',
} as const;

const clockThere = new Intl.DateTimeFormat('en-GB', {
  timeZone: office.timeZone,
  weekday: 'short',
  hour: '2-digit',
  hourCycle: 'h23',
});

/** Between these hours, as «Tue 09» and «Tue 15» there. */
const inOfficeHours = expect.stringMatching(/^(Mon|Tue|Wed|Thu),? (09|1[0-5])$/);

describe('a year of a credential', () => {
  async function aYear() {
    const { policy } = aDeclaration();
    const world = await aWorld({ declaration: { policy: { ...policy, windows: [office] } } });
    const watch = watchOver(world);
    const sweeping = sweepingOn(machine, world, { hookOf: () => watch.hook((_call, effect) => effect()) });
    const { credentialId, clock } = world;
    const end = plus(clock.now(), 365 * day);
    const dueAt = async (): Promise<Instant> => (await world.view()).credential.dueAt ?? end;
    const sweepAt = async (at: Instant) => {
      clock.set(latest(clock.now(), at));
      await world.report();
      return sweeping.sweepAndFinish();
    };
    await sweepAt(await dueAt());
    // The window closes seven hours after it has opened: too late for the new key, which has 8 s of lag before it.
    await sweepAt(plus(await dueAt(), 7 * hour - 5));

    const known = world.issuer.keys().map(({ secret }) => secret.reveal());
    world.issuer.distortProbes((answer, secret) => (known.includes(secret.reveal()) ? answer : 'dead'));
    await sweepAt(await dueAt());
    const abandonedAt = clock.now();
    world.issuer.distortProbes((answer) => answer);
    const triedAgainAt = await dueAt();
    await sweepAt(triedAgainAt);

    await pause(world.ports(), { credentialId, by: 'somebody', reason: 'a freeze' });
    const whilePaused = await sweepAt(await dueAt());
    clock.advance(10 * day);
    await unpause(world.ports(), { credentialId, by: 'somebody' });
    while ((await dueAt()) < end) await sweepAt(await dueAt());
    return { world, watch, abandonedAt, triedAgainAt, whilePaused, ...sweeping };
  }

  let lived: Awaited<ReturnType<typeof aYear>>;

  beforeAll(async () => {
    lived = await aYear();
  }, patience);

  it('has a rotation each quarter, and one that was abandoned', async () => {
    const { world, ended } = lived;
    expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 'SUCCEEDED'));
    const rotations = await world.ledger.rotations(world.credentialId);
    expect(rotations.map(({ phase }) => phase).reverse()).toEqual([
      'completed',
      'completed',
      'abandoned',
      'completed',
      'completed',
    ]);
  });

  it('begins again a quarter of an hour after it has failed', async () => {
    const { abandonedAt, triedAgainAt } = lived;
    expect(secondsBetween(abandonedAt, triedAgainAt)).toBe(15 * minute);
  });

  it('starts nothing while it is paused, and what is due when it goes on', async () => {
    const { world, whilePaused } = lived;
    expect(whilePaused).toMatchObject({ due: 0, started: 0 });
    const { at, after } =
      (await world.ledger.audit(world.credentialId)).find(({ what }) => what === 'unpaused') ?? {};
    expect(after).toMatchObject({ pause: null });
    expect(world.executions.started.map((started) => started.at)).toContain(at);
  });

  it('gives consumers another key in its window only', async () => {
    const { world, ended } = lived;
    const promoted = world.events.events.filter(({ type }) => type === 'Key Promoted').map(({ at }) => at);
    expect(promoted.map((at) => clockThere.format(new Date(at)))).toEqual(promoted.map(() => inOfficeHours));
    expect(ended.filter(({ entered }) => entered.includes('Wait for window'))).toHaveLength(1);
  });

  it('never has more than two live keys, and never a moment without one', async () => {
    const { watch } = lived;
    expect(watch.mostLiveKeys()).toBe(2);
    expect(watch.momentsWithoutKey()).toEqual([]);
  });

  it('ends with one live key, every other proven dead, and an audit trail without a gap', async () => {
    const { world, ended } = lived;
    await expectOneKey(world);
    await expectNoStageLeft(world);
    await expectSoundAudit(world);
    expect(await world.keys()).toHaveLength(5);
    expectNoSecret(world.ledger.rows(), world.events.events, world.executions.started, ended);
  });
});
