/** The in-memory twin keeps the contract. */
import { memoryRoles } from '../fakes/memory-roles.ts';
import { rolesContract } from './roles-contract.ts';

rolesContract('the memory twin', async () => {
  const roles = memoryRoles();
  return {
    roles,
    account: '123456789012',
    make: async (arn) => roles.make(arn),
    delete: async (arn) => roles.delete(arn),
  };
});
