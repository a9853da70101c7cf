/** The in-memory twin keeps the contract. */
import { memoryInstallation } from '../fakes/memory-installation.ts';
import { installationContract } from './installation-contract.ts';

installationContract('the memory twin', async () => memoryInstallation());
