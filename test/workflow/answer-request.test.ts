/** A request is answered once, whatever the queue does with it, and what is refused leaves a trace. */
import { describe, expect, it } from 'vitest';
import { begin } from '../../lib/rotation/begin.ts';
import { answerRequest } from '../../lib/workflow/answer-request.ts';
import { memoryDeadLetters } from '../fakes/memory-dead-letters.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World } from '../support/world.ts';

const requested = (detail: unknown, id = 'event-1'): string =>
  JSON.stringify({ id, source: 'incident-tooling', 'detail-type': 'Rotate Requested', detail });

async function aDesk() {
  const world = await aWorld();
  const deadLetters = memoryDeadLetters();
  const ports = { ...world.ports(), deadLetters };
  return { world, ports, deadLetters };
}

const rejections = (world: World) => world.events.events.filter(({ type }) => type === 'Rotation Rejected');

describe('a request', () => {
  it('starts the next rotation and says which', async () => {
    const { world, ports, deadLetters } = await aDesk();
    const { rotationId } = await world.nextRotation();
    await answerRequest(ports, requested({ credential: world.credentialId, reason: 'ticket 4711' }));
    expect((await ports.requests.find('event-1'))?.answer).toEqual({ outcome: 'started', rotationId });
    expect(world.executions.started).toMatchObject([
      {
        name: `${rotationId}-1`,
        input: { rotationId, run: 1, requestedBy: 'incident-tooling: ticket 4711' },
      },
    ]);
    expect(deadLetters.letters).toEqual([]);
  });

  it('that is delivered again starts nothing', async () => {
    const { world, ports } = await aDesk();
    const body = requested({ credential: world.credentialId });
    await answerRequest(ports, body);
    await answerRequest(ports, body);
    expect(world.executions.started).toHaveLength(1);
  });

  it('whose answer was lost by a death is answered when it comes again', async () => {
    const { world, ports } = await aDesk();
    await ports.requests.take('event-1', world.clock.now());
    await answerRequest(ports, requested({ credential: world.credentialId }));
    expect((await ports.requests.find('event-1'))?.answer?.outcome).toBe('started');
  });

  it('that comes again after a death at its start, while its rotation runs, is not rejected', async () => {
    const { world, ports, deadLetters } = await aDesk();
    const ref = await world.nextRotation();
    const dying = {
      ...ports,
      executions: { ...ports.executions, start: () => Promise.reject(new Error('killed')) },
    };
    const body = requested({ credential: world.credentialId });
    await expect(answerRequest(dying, body)).rejects.toThrow('killed');
    await begin(world.ports(), { ...ref, requestedBy: 'schedule' });
    await answerRequest(ports, body);
    expect((await ports.requests.find('event-1'))?.answer).toEqual({
      outcome: 'started',
      rotationId: ref.rotationId,
    });
    expect(deadLetters.letters).toEqual([]);
  });

  it('that comes again after its rotation has ended starts no second one', async () => {
    const { world, ports } = await aDesk();
    const ref = await world.nextRotation();
    const body = requested({ credential: world.credentialId });
    await answerRequest(ports, body);
    await runWorkflow(world, ref);
    world.executions.end(`${ref.rotationId}-1`);
    await answerRequest(ports, body);
    expect(world.executions.started).toHaveLength(1);
  });

  it('for an unknown credential is rejected with the reason, counted, told and kept', async () => {
    const { world, ports, deadLetters } = await aDesk();
    const body = requested({ credential: 'nobody' });
    await answerRequest(ports, body);
    const reason = expect.stringContaining('credential "nobody" is not registered');
    expect((await ports.requests.find('event-1'))?.answer).toEqual({ outcome: 'rejected', reason });
    expect(deadLetters.letters).toEqual([{ body, reason }]);
    expect(rejections(world)).toMatchObject([
      { credentialId: 'nobody', detail: { requestId: 'event-1', reason } },
    ]);
    expect(world.metrics).toEqual(['RotationRejected']);
    expect(world.executions.started).toEqual([]);
  });

  it.each([
    ['is not JSON', 'rotate!', /not an EventBridge event/],
    ['is no event', '{"credential":"x"}', /not an EventBridge event/],
    ['names no credential', requested({}), /detail\.credential/],
    [
      'names an impossible credential',
      requested({ credential: 'No!' }),
      /detail\.credential: a credential id/,
    ],
    ['speaks another version', requested({ schemaVersion: 2, credential: 'x' }), /detail\.schemaVersion/],
  ])('that %s is rejected with the place of the mistake', async (_what, body, reason) => {
    const { world, ports, deadLetters } = await aDesk();
    await answerRequest(ports, body);
    expect(deadLetters.letters).toEqual([{ body, reason: expect.stringMatching(reason) }]);
    expect(rejections(world)).toHaveLength(1);
    expect(world.executions.started).toEqual([]);
  });
});
