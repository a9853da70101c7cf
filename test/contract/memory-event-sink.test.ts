/** The in-memory twin keeps the contract. */
import { memoryEventSink } from '../fakes/memory-event-sink.ts';
import { eventSinkContract } from './event-sink-contract.ts';

eventSinkContract('the memory twin', async () => {
  const sink = memoryEventSink();
  return { sink, arrived: async () => sink.events.map(({ seq }) => seq) };
});
