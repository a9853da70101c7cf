/** A step's function without Lambda: its input through the step's contract, its use-case on given ports. */
import { abandon } from '../../../lib/rotation/abandon.ts';
import { askOwner } from '../../../lib/rotation/ask-owner.ts';
import { begin } from '../../../lib/rotation/begin.ts';
import { checkBreakage } from '../../../lib/rotation/check-breakage.ts';
import { checkDrain } from '../../../lib/rotation/check-drain.ts';
import { complete } from '../../../lib/rotation/complete.ts';
import { deployKey } from '../../../lib/rotation/deploy-key.ts';
import { disableKey } from '../../../lib/rotation/disable-key.ts';
import { enableKey } from '../../../lib/rotation/enable-key.ts';
import { issueKey } from '../../../lib/rotation/issue-key.ts';
import type { Ports } from '../../../lib/rotation/ports.ts';
import { promoteKey } from '../../../lib/rotation/promote-key.ts';
import { proveDead } from '../../../lib/rotation/prove-dead.ts';
import { revokeKey } from '../../../lib/rotation/revoke-key.ts';
import { rollBack } from '../../../lib/rotation/roll-back.ts';
import { verifyKey } from '../../../lib/rotation/verify-key.ts';
import { type StepInput, type StepName, steps } from '../../../lib/workflow/steps.ts';
import { stepOf } from './synthesized.ts';
import type { Timeline } from './timeline.ts';

type UseCase<Name extends StepName> = (ports: Ports, input: StepInput<Name>) => Promise<unknown>;

const useCases: { readonly [Name in StepName]: UseCase<Name> } = {
  begin,
  issueKey,
  verifyKey,
  promoteKey,
  deployKey,
  checkDrain,
  askOwner,
  rollBack,
  disableKey,
  checkBreakage,
  enableKey,
  revokeKey,
  proveDead,
  complete,
  abandon,
};

export interface Invocation {
  readonly step: StepName;
  /** Seconds that the platform gives it. */
  readonly timeout: number;
}

/**
 * @param portsOf makes the ports of a new invocation; their clock becomes the timeline, so that a step that waits
 * lets other works go on.
 */
export const invokeOn =
  (timeline: Timeline, portsOf: (invocation: Invocation) => Ports) =>
  async (functionName: string, payload: unknown): Promise<unknown> => {
    const step = stepOf(functionName);
    const { timeout } = steps[step];
    const ports: Ports = { ...portsOf({ step, timeout }), clock: timeline };
    const answer = await runStep(step, ports, payload);
    if (timeline.now() > ports.invocation.deadline)
      throw new Error(`step ${step} ran beyond its ${timeout} s, where Lambda would have killed it`);
    return answer;
  };

const runStep = <Name extends StepName>(step: Name, ports: Ports, payload: unknown): Promise<unknown> =>
  useCases[step](ports, steps[step].input.parse(payload) as StepInput<Name>);
