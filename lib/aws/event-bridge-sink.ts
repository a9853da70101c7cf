/** keyturn's events on an EventBridge bus. */
import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import type { EventSink } from '../rotation/ports.ts';

type OutgoingEvent = Parameters<EventSink['put']>[0][number];

export interface EventBridgeSinkOptions {
  readonly client: EventBridgeClient;
  /** Name or ARN of the bus. */
  readonly bus: string;
}

/** PutEvents takes no more. @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html */
const entriesPerCall = 10;

/**
 * Sends in order. PutEvents answers 200 even when it refuses some entries; then this throws, and whoever retries
 * sends all of them again: readers know a repeated event by its credential and audit sequence.
 */
export function eventBridgeSink({ client, bus }: EventBridgeSinkOptions): EventSink {
  return {
    async put(events) {
      for (let from = 0; from < events.length; from += entriesPerCall) {
        const batch = events.slice(from, from + entriesPerCall);
        const Entries = batch.map((event) => entryOf(event, bus));
        const answer = await client.send(new PutEventsCommand({ Entries }));
        if (answer.FailedEntryCount) throw refusedEntries(bus, batch, answer.Entries ?? []);
      }
    },
  };
}

const entryOf = ({ type, at, seq, hash, credentialId, detail }: OutgoingEvent, bus: string) => ({
  EventBusName: bus,
  Source: 'keyturn',
  DetailType: type,
  Time: new Date(at),
  Detail: JSON.stringify({
    schemaVersion: 1,
    credential: credentialId,
    ...detail,
    auditSeq: seq,
    auditHash: hash,
  }),
});

/** Entries of the answer stand in the order of the request. */
function refusedEntries(
  bus: string,
  batch: readonly OutgoingEvent[],
  answers: readonly PutEventsResultEntry[],
): Error {
  const failed = batch.flatMap(({ type }, index) => {
    const { ErrorCode, ErrorMessage } = answers[index] ?? {};
    return ErrorCode ? [`${type} (${ErrorCode}: ${ErrorMessage ?? 'no message'})`] : [];
  });
  return new Error(`event bus ${bus} refused ${failed.join(', ')}: send them again`);
}
