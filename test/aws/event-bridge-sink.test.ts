/** What the bus is sent, and what happens when it refuses a part of it. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { eventBridgeSink } from '../../lib/aws/event-bridge-sink.ts';
import type { Announcement } from '../../lib/rotation/rotation.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { anAnnouncement, someTime } from '../support/builders.ts';
import { SENTINEL } from '../support/sentinel.ts';

const bus = mockClient(EventBridgeClient);
const sink = eventBridgeSink({ client: new EventBridgeClient({ region: 'us-east-1' }), bus: 'keyturn-bus' });
const anEvent = (seq = 1, type: Announcement['type'] = 'Rotation Started') => ({
  ...anAnnouncement({ seq, type, hash: `hash-${seq}` }),
  credentialId: 'billing-agent',
});

beforeEach(() => {
  bus.reset();
  bus.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
});

describe('the EventBridge sink', () => {
  it('sends an announcement with its ids, sequence and hash', async () => {
    await sink.put([anEvent()]);
    const [entry] = bus.commandCalls(PutEventsCommand)[0]?.args[0].input.Entries ?? [];
    expect(entry).toMatchObject({
      EventBusName: 'keyturn-bus',
      Source: 'keyturn',
      DetailType: 'Rotation Started',
      Time: new Date(someTime),
    });
    expect(JSON.parse(entry?.Detail ?? '')).toEqual({
      schemaVersion: 1,
      credential: 'billing-agent',
      ...anAnnouncement().detail,
      auditSeq: 1,
      auditHash: 'hash-1',
    });
  });

  it('sends ten at a time, in order', async () => {
    await sink.put(Array.from({ length: 23 }, (_, n) => anEvent(n + 1)));
    const sizes = bus.commandCalls(PutEventsCommand).map(({ args }) => args[0].input.Entries?.length);
    expect(sizes).toEqual([10, 10, 3]);
  });

  it('sends nothing when there is nothing to send', async () => {
    await sink.put([]);
    expect(bus.calls()).toHaveLength(0);
  });

  it('fails when the bus refuses one of them, naming it and the reason', async () => {
    bus.on(PutEventsCommand).resolves({
      FailedEntryCount: 1,
      Entries: [{ EventId: '1' }, { ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' }],
    });
    await expect(sink.put([anEvent(1), anEvent(2, 'Key Promoted')])).rejects.toThrow(
      'event bus keyturn-bus refused Key Promoted (ThrottlingException: slow down): send them again',
    );
  });

  it('refuses to send a secret', async () => {
    const detail = { apiKey: new SecretText(SENTINEL) };
    await expect(sink.put([{ ...anEvent(), detail }])).rejects.toThrow(TypeError);
    expect(bus.calls()).toHaveLength(0);
  });
});
