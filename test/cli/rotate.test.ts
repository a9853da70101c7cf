import { describe, expect, it } from 'vitest';
import type { Rotation } from '../../lib/rotation/rotation.ts';
import { aCredential, aRotation, someTime } from '../support/builders.ts';
import { put, run, type TwinStack, twinStack } from './twin-stack.ts';

const { rotationId } = aRotation();

describe('keyturn rotate', () => {
  it('asks by event and prints the rotation that was started', async () => {
    const stack = await answering({ outcome: 'started', rotationId });
    const { code, out } = await run(stack, ['rotate', 'billing-agent', '--reason', 'laptop lost']);
    expect({ code, out }).toEqual({
      code: 0,
      out: `rotation ${rotationId} of "billing-agent" was asked for`,
    });
    expect(stack.asked).toEqual([{ credential: 'billing-agent', reason: 'laptop lost' }]);
  });

  it('prints one JSON object for programs', async () => {
    const { out } = await run(await answering({ outcome: 'started', rotationId }), [
      'rotate',
      'billing-agent',
      '--json',
    ]);
    expect(JSON.parse(out)).toEqual({
      requestId: 'request-1',
      credential: 'billing-agent',
      outcome: 'started',
      rotationId,
    });
  });

  it('fails with the reason when it is refused', async () => {
    const stack = await answering({ outcome: 'rejected', reason: 'it rotates already' });
    const { code, out, err } = await run(stack, ['rotate', 'billing-agent', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ outcome: 'rejected', reason: 'it rotates already' });
    expect(err).toBe('keyturn: rotation of "billing-agent" was refused: it rotates already');
  });

  it('gives up after a minute when nobody answers', async () => {
    const stack = twinStack();
    await put(stack, aCredential());
    const { code, err } = await run(stack, ['rotate', 'billing-agent']);
    expect(code).toBe(1);
    expect(err).toContain('nobody picked up request request-1 in 60 s');
    expect(err).toContain('dead-letter queue');
  });

  it('asks nobody about a credential that does not exist', async () => {
    const stack = twinStack();
    await put(stack, aCredential());
    const { code, err } = await run(stack, ['rotate', 'billing-agents']);
    expect(code).toBe(1);
    expect(err).toContain('did you mean "billing-agent"?');
    expect(stack.asked).toEqual([]);
  });

  it.each([
    ['Billing Agent', 'why'],
    ['billing-agent', 'x'.repeat(257)],
  ])('refuses what an event cannot say (%s)', async (credential, reason) => {
    const stack = twinStack();
    const { code, err } = await run(stack, ['rotate', credential, '--reason', reason]);
    expect(code).toBe(2);
    expect(err).toContain('this cannot be asked for');
    expect(stack.asked).toEqual([]);
  });
});

describe('keyturn rotate --wait', () => {
  it('tells the phases and ends well when the rotation completes', async () => {
    const stack = await going(
      aRotation({ at: 'verifying' }),
      aRotation({ at: 'grace' }),
      aRotation({ at: 'completed' }),
    );
    const { code, out } = await run(stack, ['rotate', 'billing-agent', '--wait']);
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.split(':')[0])).toEqual([
      `rotation ${rotationId} of "billing-agent" was asked for`,
      'verifying',
      'grace',
      'completed after 5 h',
    ]);
  });

  it('keeps stdout to one JSON object with --json', async () => {
    const stack = await going(aRotation({ at: 'verifying' }), aRotation({ at: 'completed' }));
    const { out, err } = await run(stack, ['rotate', 'billing-agent', '--wait', '--json']);
    expect(JSON.parse(out)).toMatchObject({
      outcome: 'started',
      rotationId,
      phase: 'completed',
      seconds: 18_000,
    });
    expect(err).toContain('verifying: waits for');
  });

  it('fails with the reason when the rotation is abandoned', async () => {
    const { code, err } = await run(await going(aRotation({ at: 'abandoned' })), [
      'rotate',
      'billing-agent',
      '--wait',
    ]);
    expect({ code, err }).toEqual({
      code: 1,
      err: `keyturn: rotation ${rotationId} was abandoned: the issuer refused the request`,
    });
  });

  it('says so when the execution never begins', async () => {
    const { code, err } = await run(await going(), ['rotate', 'billing-agent', '--wait']);
    expect(code).toBe(1);
    expect(err).toContain('is not heard of any more');
  });
});

describe('the command line', () => {
  it.each([
    [['--help'], 0],
    [['status', '--help'], 0],
    [[], 2],
    [['turn'], 2],
    [['rotate'], 2],
    [['status', '--jsn'], 2],
  ])('ends %j with %i', async (argv, code) => {
    expect(await run(twinStack(), argv)).toMatchObject({ code });
  });
});

type Answer = Parameters<TwinStack['requests']['answer']>[1];

/** A stack that answers the first request like this. */
async function answering(answer: Answer): Promise<TwinStack> {
  const stack = twinStack();
  await put(stack, aCredential());
  await stack.requests.take('request-1', someTime);
  await stack.requests.answer('request-1', answer);
  return stack;
}

/** A stack whose rotation is in the next of these states whenever somebody sleeps. */
async function going(...states: readonly Rotation[]): Promise<TwinStack> {
  const stack = await answering({ outcome: 'started', rotationId });
  const coming = [...states];
  const sleep = async (seconds: number) => {
    const rotation = coming.shift();
    if (rotation) await put(stack, aCredential(), { rotation });
    await stack.clock.sleep(seconds);
  };
  return { ...stack, clock: { ...stack.clock, now: stack.clock.now, sleep } };
}
