/** The in-memory twin keeps the contract. */
import { memoryIssuerBlocks } from '../fakes/memory-issuer-blocks.ts';
import { issuerBlocksContract } from './issuer-blocks-contract.ts';

issuerBlocksContract('the memory twin', async () => memoryIssuerBlocks());
