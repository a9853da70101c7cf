/** What is anchored of an event, from the very entry that the sink puts on the bus. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { expect, test } from 'vitest';
import { eventBridgeSink } from '../../lib/aws/event-bridge-sink.ts';
import { auditObject } from '../../lib/workflow/audit-object.ts';
import { anAnnouncement } from '../support/builders.ts';

const hash = '5'.repeat(64);

/** The event as EventBridge delivers what the sink has put; its time has no milliseconds. */
async function delivered(seq = 4) {
  const bus = mockClient(EventBridgeClient);
  bus.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
  const sink = eventBridgeSink({ client: new EventBridgeClient({ region: 'us-east-1' }), bus: 'bus' });
  await sink.put([{ ...anAnnouncement({ seq, hash, type: 'Key Promoted' }), credentialId: 'npm-token' }]);
  const entry = bus.commandCalls(PutEventsCommand)[0]?.args[0].input.Entries?.[0];
  return {
    version: '0',
    id: 'event-1',
    source: entry?.Source,
    'detail-type': entry?.DetailType,
    time: entry?.Time?.toISOString().replace(/\.\d+Z$/, 'Z'),
    detail: JSON.parse(entry?.Detail ?? ''),
  };
}

test('the object holds the change’s number, hash, time and type, and the event’s detail', async () => {
  const event = await delivered();
  expect(auditObject(event)).toEqual({
    credentialId: 'npm-token',
    change: { seq: 4, hash, at: event.time, type: 'Key Promoted', detail: event.detail },
  });
});

test.each([
  ['has no audit record behind it', { auditSeq: 0, auditHash: '' }, /auditSeq[\s\S]*auditHash/],
  ['would name an object elsewhere', { credential: '../other' }, /lower-case letters/],
])('an event that %s is refused', async (_what, change, message) => {
  const event = await delivered();
  const wrong = { ...event, detail: { ...event.detail, ...change } };
  expect(() => auditObject(wrong)).toThrow(expect.objectContaining({ name: 'InvalidInput' }));
  expect(() => auditObject(wrong)).toThrow(message);
});

test('an event from another source is refused', async () => {
  const event = await delivered();
  expect(() => auditObject({ ...event, source: 'somebody' })).toThrow(/source/);
});
