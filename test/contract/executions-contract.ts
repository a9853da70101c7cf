/** What everything that starts executions does. */
import { describe, expect, it } from 'vitest';
import type { Executions } from '../../lib/rotation/ports.ts';

const input = { credentialId: 'billing-agent', rotationId: 'rotation-1', run: 1, requestedBy: 'schedule' };

/** Executions, what has been started by name, and a way to end it. */
export interface ObservedExecutions {
  readonly executions: Executions;
  started(): Promise<readonly { readonly name: string; readonly input: unknown }[]>;
  /** Ends what runs under this name. */
  end(name: string): Promise<void>;
  /** An execution that waits with a task token. @param seconds after which it waits no more. */
  waiting(seconds: number): Promise<{
    readonly token: string;
    /** Resolves once it waits no more. @returns whether somebody has woken it. */
    ended(): Promise<boolean>;
  }>;
}

/** @param make nothing started yet for each test; what is started runs until it is ended. */
export function executionsContract(name: string, make: () => Promise<ObservedExecutions>): void {
  describe(`${name} as executions`, () => {
    it('start under the given name with the given input', async () => {
      const { executions, started } = await make();
      await executions.start('rotation-1-1', input);
      expect(await started()).toEqual([{ name: 'rotation-1-1', input }]);
    });

    it('start a name once, also when the input differs', async () => {
      const { executions, started } = await make();
      await executions.start('rotation-1-1', input);
      await executions.start('rotation-1-1', input);
      await executions.start('rotation-1-1', { ...input, requestedBy: 'a person' });
      expect(await started()).toEqual([{ name: 'rotation-1-1', input }]);
    });

    it('start another name beside it', async () => {
      const { executions, started } = await make();
      await executions.start('rotation-1-1', input);
      await executions.start('rotation-1-2', { ...input, run: 2 });
      expect((await started()).map((each) => each.name).sort()).toEqual(['rotation-1-1', 'rotation-1-2']);
    });

    it('tell whether it runs now, whoever has started it', async () => {
      const { executions } = await make();
      expect(await executions.start('rotation-1-1', input)).toBe('runs');
      expect(await executions.start('rotation-1-1', { ...input, requestedBy: 'a person' })).toBe('runs');
    });

    it('tell when an execution that has ended has used its name up', async () => {
      const { executions, started, end } = await make();
      await executions.start('rotation-1-1', input);
      await end('rotation-1-1');
      expect(await executions.start('rotation-1-1', input)).toBe('ended');
      expect(await started()).toHaveLength(1);
    });

    it('tell what became of an execution, and when it was started', async () => {
      const { executions, end } = await make();
      await executions.start('rotation-1-1', input);
      const running = await executions.state('rotation-1-1');
      expect(running).toEqual({ status: 'runs', startedAt: expect.stringMatching(/^\d{4}-.*Z$/) });
      await end('rotation-1-1');
      expect(await executions.state('rotation-1-1')).toEqual({ ...running, status: 'ended' });
    });

    it('wake one that waits with a token, once', async () => {
      const { executions, waiting } = await make();
      const { token, ended } = await waiting(3600);
      expect(await executions.wake(token)).toBe(true);
      expect(await ended()).toBe(true);
      expect(await executions.wake(token)).toBe(false);
    });

    it('wake nobody when the time to wait was up', async () => {
      const { executions, waiting } = await make();
      const { token, ended } = await waiting(1);
      expect(await ended()).toBe(false);
      expect(await executions.wake(token)).toBe(false);
    });

    it('wake nobody with what is no token', async () => {
      const { executions } = await make();
      expect(await executions.wake('no token')).toBe(false);
    });

    it('count a name that was never started as ended, at no time', async () => {
      const { executions } = await make();
      expect(await executions.state('rotation-1-1')).toEqual({ status: 'ended', startedAt: null });
    });
  });
}
