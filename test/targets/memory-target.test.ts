/** The twin passes the kit of the real targets. */
import { targetContract } from '../contract/target-contract.ts';
import { memoryTarget } from '../fakes/memory-target.ts';

targetContract('in memory', async () => {
  const target = memoryTarget();
  return {
    target,
    reads: 'value',
    holds: () => target.held()?.reveal(),
    state: () => new Set(target.deployments.map(({ versionId }) => versionId)),
    sent: () => target.deployments,
    fail: target.fail,
  };
});
