/** The in-memory twin keeps the contract. */
import { memoryIssuerLocks } from '../fakes/memory-issuer-locks.ts';
import { issuerLocksContract } from './issuer-locks-contract.ts';

issuerLocksContract('the memory twin', async () => memoryIssuerLocks());
