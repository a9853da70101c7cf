/** The examples in docs/events.md have the fields of the events that rotations really send. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { eventBridgeSink } from '../../lib/aws/event-bridge-sink.ts';
import { IssuerRejected } from '../../lib/rotation/errors.ts';
import { type OutgoingEvent, outgoingEvents } from '../../lib/rotation/rotation.ts';
import { answerRequest } from '../../lib/workflow/answer-request.ts';
import { rotateRequested } from '../../lib/workflow/events.ts';
import { aWorldWithKey } from '../rotation/scenarios.ts';
import { runWorkflow, type WorkflowOptions } from '../support/run-workflow.ts';
import type { World } from '../support/world.ts';
import { fencesIn } from './markdown.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'events.md'), 'utf8');
const example = z.strictObject({
  source: z.string(),
  'detail-type': z.string(),
  detail: z.record(z.string(), z.json()),
});
const events = fencesIn(page, 'json')
  .map((text): unknown => JSON.parse(text))
  .flatMap((value) => example.safeParse(value).data ?? []);
const exampleOf = (type: string) => events.find((event) => event['detail-type'] === type);

/** Rotations that together send each of keyturn's events at least once. */
const sendingEverything: readonly (() => Promise<World>)[] = [
  async () => ran(await aWorldWithKey()),
  async () => {
    const world = await aWorldWithKey();
    const holds = [(await world.currentVersion()) ?? ''];
    // The consumer's process stays on the old key until its owner is asked.
    const meanwhile = () => {
      const isAsked = world.events.events.some(({ type }) => type === 'Decision Needed');
      return world.report(isAsked ? {} : { holds });
    };
    return ran(world, { meanwhile });
  },
  async () => {
    const world = await aWorldWithKey();
    world.issuer.failNext('create', new IssuerRejected('answered 400'));
    return ran(world);
  },
  async () => {
    const world = await aWorldWithKey({ capabilities: { maxLiveKeys: 2 } });
    world.issuer.addForeignKey();
    // It shows in lists after the issuer's lag.
    world.clock.advance(60);
    return ran(world);
  },
  async () => {
    const world = await aWorldWithKey({ declaration: { targets: ['app-parameter'] } });
    world.targetOf('app-parameter').fail();
    const meanwhile = async () => {
      world.targetOf('app-parameter').fail(false);
      await world.report();
    };
    return ran(world, { meanwhile });
  },
  async () => {
    const world = await aWorldWithKey({ capabilities: { disable: true } });
    const old = (await world.currentVersion()) ?? '';
    const meanwhile = async () => {
      await world.report();
      const { activeRotation } = (await world.view()).credential;
      const { rotation } = (await world.ledger.load(world.credentialId, activeRotation ?? '')) ?? {};
      // Somebody whom nobody has declared is refused with it, once.
      if (rotation?.phase === 'observing' && rotation.breakages === 0)
        await world.report({
          consumer: 'cron',
          holds: [],
          lastUse: { [old]: world.clock.now() },
          leftAt: world.clock.now(),
        });
    };
    return ran(world, { meanwhile });
  },
  async () => {
    const world = await aWorldWithKey();
    const request = { id: 'a', source: 'x', 'detail-type': rotateRequested.detailType };
    await answerRequest(world.ports(), JSON.stringify({ ...request, detail: { credential: 'nobody' } }));
    return world;
  },
];

async function ran(world: World, options: WorkflowOptions = {}): Promise<World> {
  await runWorkflow(world, await world.nextRotation(), options);
  return world;
}

/** Details as the bus gets them, by type. */
const sent = new Map<string, readonly Readonly<Record<string, unknown>>[]>();

beforeAll(async () => {
  const bus = mockClient(EventBridgeClient);
  bus.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
  const sink = eventBridgeSink({ client: new EventBridgeClient({ region: 'us-east-1' }), bus: 'bus' });
  for (const play of sendingEverything) await sink.put((await play()).events.events);
  for (const { args } of bus.commandCalls(PutEventsCommand)) {
    for (const { DetailType = '', Detail = '' } of args[0].input.Entries ?? []) {
      sent.set(DetailType, [...(sent.get(DetailType) ?? []), JSON.parse(Detail)]);
    }
  }
});

describe.each(outgoingEvents)('the example of %s', (type: OutgoingEvent) => {
  it('has the fields of one that was really sent', () => {
    const found = exampleOf(type);
    expect(found?.source).toBe('keyturn');
    const fields = Object.keys(found?.detail ?? {}).sort();
    const real = (sent.get(type) ?? []).map((detail) => Object.keys(detail).sort());
    expect(real).toContainEqual(fields);
  });

  it('has a value of the same kind in each field', () => {
    const kinds = kindsOf(exampleOf(type)?.detail ?? {});
    expect((sent.get(type) ?? []).map(kindsOf)).toContainEqual(kinds);
  });
});

it('the example of a request is one that keyturn accepts', () => {
  const found = exampleOf(rotateRequested.detailType);
  expect(found?.source).not.toBe('keyturn');
  expect(rotateRequested.detail.strict().safeParse(found?.detail).error).toBeUndefined();
});

const kindsOf = (detail: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(detail).map(([name, value]) => [name, kindOf(value)]));

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  return value === null ? 'null' : typeof value;
}
