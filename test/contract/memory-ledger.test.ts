/** The in-memory ledger is a ledger. */
import { memoryLedger } from '../fakes/memory-ledger.ts';
import { ledgerContract } from './ledger-contract.ts';

ledgerContract('the memory ledger', async () => memoryLedger());
