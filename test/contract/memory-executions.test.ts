/** The in-memory twin keeps the contract. */
import { memoryExecutions } from '../fakes/memory-executions.ts';
import { executionsContract } from './executions-contract.ts';

executionsContract('the memory twin', async () => {
  const executions = memoryExecutions();
  return {
    executions,
    started: async () => executions.started.map(({ name, input }) => ({ name, input })),
    end: async (name) => executions.end(name),
    waiting: async () => {
      const token = 'a-token';
      let isWoken = false;
      const timeIsUp = executions.waitFor(token, () => {
        isWoken = true;
      });
      return {
        token,
        ended: async () => {
          timeIsUp();
          return isWoken;
        },
      };
    },
  };
});
