/** The in-memory twin keeps the contract. */
import { memoryBlocks } from '../fakes/memory-blocks.ts';
import { blocksContract } from './blocks-contract.ts';

blocksContract('the memory twin', async () => memoryBlocks());
