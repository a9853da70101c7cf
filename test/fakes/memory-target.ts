/** A target that remembers what it was given, and fails on request. */
import { TargetRejected, TargetUnavailable } from '../../lib/rotation/errors.ts';
import type { Deployment, Target } from '../../lib/rotation/ports.ts';
import type { SecretText } from '../../lib/rotation/secret-text.ts';
import type { Failing } from '../contract/target-contract.ts';

/** What it was told, without the way to the value. */
type Told = Omit<Deployment, 'read'>;

export interface MemoryTarget extends Target {
  /** Every deployment that came through, in order. */
  readonly deployments: readonly Told[];
  /** The secret part that it holds now. */
  held(): SecretText | undefined;
  /** From now on it refuses to answer; `false` heals it. */
  fail(failing?: Failing): void;
}

export function memoryTarget(): MemoryTarget {
  const deployments: Told[] = [];
  let held: SecretText | undefined;
  let failing: Failing = false;
  const listen = (): void => {
    if (failing === true) throw new TargetUnavailable('the target does not answer');
    if (failing === 'for good') throw new TargetRejected('the target wants no keys');
  };
  const answer = (): void => {
    if (failing === 'afterwards') throw new TargetUnavailable('the answer of the target was lost');
  };
  return {
    deployments,
    held: () => held,
    fail: (how = true) => {
      failing = how;
    },
    async deploy({ read, ...told }) {
      listen();
      held = (await read()).secret;
      deployments.push(told);
      answer();
    },
    async check() {
      listen();
      answer();
    },
  };
}
