/** The in-memory twin keeps the contract. */
import { memorySecretStore } from '../fakes/memory-secret-store.ts';
import { secretStoreContract } from './secret-store-contract.ts';

secretStoreContract('the memory twin', async () => ({
  store: memorySecretStore(),
  secret: 'keyturn/demo/billing-agent',
}));
