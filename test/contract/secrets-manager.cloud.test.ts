/** The secret store keeps its contract on the local cloud's Secrets Manager. */
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { secretsManagerStore } from '../../lib/aws/secrets-manager-store.ts';
import { aNewName, sharedCloud } from '../support/shared-cloud.ts';
import { secretStoreContract } from './secret-store-contract.ts';

const config = sharedCloud();

secretStoreContract('Secrets Manager', async () => ({
  store: secretsManagerStore({ client: new SecretsManagerClient(config()) }),
  secret: aNewName('keyturn/demo/agent'),
}));
