/** The in-memory twin keeps the contract. */
import { memoryRequests } from '../fakes/memory-requests.ts';
import { requestsContract } from './requests-contract.ts';

requestsContract('the memory twin', async () => memoryRequests());
