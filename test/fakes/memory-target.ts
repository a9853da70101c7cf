/** A target that remembers what it was given, and fails on request. */
import { TargetUnavailable } from '../../lib/rotation/errors.ts';
import type { Deployment, Target } from '../../lib/rotation/ports.ts';
import type { SecretText } from '../../lib/rotation/secret-text.ts';

/** What it was told, without the way to the value. */
type Told = Omit<Deployment, 'read'>;

export interface MemoryTarget extends Target {
  /** Every deployment that came through, in order. */
  readonly deployments: readonly Told[];
  /** The secret part that it holds now. */
  held(): SecretText | undefined;
  /** From now on it refuses to answer; `false` heals it. */
  fail(failing?: boolean): void;
}

export function memoryTarget(): MemoryTarget {
  const deployments: Told[] = [];
  let held: SecretText | undefined;
  let failing = false;
  const answer = (): void => {
    if (failing) throw new TargetUnavailable('the target does not answer');
  };
  return {
    deployments,
    held: () => held,
    fail: (now = true) => {
      failing = now;
    },
    async deploy({ read, ...told }) {
      answer();
      held = (await read()).secret;
      deployments.push(told);
    },
    async check() {
      answer();
    },
  };
}
