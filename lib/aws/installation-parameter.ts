/** Shows the installation's id where the CLI and people look for what belongs to the stack. */
import { PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';

/** The ledger's id is the one that counts, so it overwrites whatever the parameter said. */
export async function publishInstallation(
  client: SSMClient,
  name: string,
  installationId: string,
): Promise<void> {
  await client.send(
    new PutParameterCommand({ Name: name, Value: installationId, Type: 'String', Overwrite: true }),
  );
}
