import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Rotation } from '../../lib/rotation/rotation.ts';
import { plus } from '../../lib/usage/instant.ts';
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

  it('gives the sweep time to mend a rotation whose execution has died', async () => {
    const expectedBy = plus(someTime, -15 * 60 + 3);
    const silent = aRotation({ at: 'verifying', expectedBy });
    const mended = await going(silent, silent, silent, aRotation({ at: 'completed' }));
    expect(await run(mended, ['rotate', 'billing-agent', '--wait'])).toMatchObject({ code: 0 });
    const dead = await going(silent);
    const { code, err } = await run(dead, ['rotate', 'billing-agent', '--wait', '--json']);
    expect(code).toBe(1);
    expect(err).toContain('is not heard of any more');
    expect(dead.clock.now()).toBe(plus(expectedBy, 15 * 60 + 1));
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

  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await run(twinStack(), ['--version'])).toEqual({ code: 0, out: version, err: '' });
  });

  it('ends with 2 when no region is set, as where there is no stack', async () => {
    const { code, err } = await run(twinStack(), ['status'], async () => {
      throw new Error('Region is missing');
    });
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('no AWS region is set') });
  });

  it.each(['status', 'plan', 'rotate', 'drain', 'usage', 'pause', 'resume', 'history'])(
    'prints one JSON object also when %s fails',
    async (command) => {
      const stack = twinStack();
      await put(stack, aCredential());
      const { code, out, err } = await run(stack, [command, 'biling-agent', '--json']);
      const error = 'stack "keyturn" has no credential "biling-agent", did you mean "billing-agent"?';
      expect({ code, out: JSON.parse(out), err }).toEqual({
        code: 1,
        out: { error },
        err: `keyturn: ${error}`,
      });
    },
  );

  it('prints one JSON object also when it is used wrongly', async () => {
    const { code, out } = await run(twinStack(), ['status', '--json', '--jsn']);
    expect({ code, out: JSON.parse(out) }).toEqual({
      code: 2,
      out: { error: expect.stringContaining("unknown option '--jsn'") },
    });
  });

  it('lets no error of others command the terminal', async () => {
    const { err } = await run(twinStack(), ['status'], async () => {
      throw new Error('a\u001b[2J\nb');
    });
    expect(err).toBe('keyturn: Error: a [2J\nb');
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
