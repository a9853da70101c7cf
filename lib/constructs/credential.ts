/** One credential as a construct, for teams that declare what they rotate next to what uses it. */
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { CredentialInput } from '../config/schema.ts';
import type { Keyturn } from './keyturn.ts';

/** As under `credentials:` in keyturn.yaml. */
export type CredentialProps = CredentialInput;

/**
 * Adds a credential to a keyturn, as if it stood in its config. Issuers and targets come from there. Its mistakes are
 * told, all at once, when the app is synthesized.
 *
 * @example
 * const token = new Credential(keyturn, 'npm-token', { issuer: 'registry', owner: { name: 'platform' } });
 * token.grantUse(service.taskRole);
 */
export class Credential extends Construct {
  readonly #keyturn: Keyturn;

  /** @param id of the credential, which stays for ever. @throws InvalidInput when the config has it already. */
  constructor(keyturn: Keyturn, id: string, props: CredentialProps) {
    super(keyturn, id);
    this.#keyturn = keyturn;
    keyturn.addCredential(id, props);
  }

  /** Lets a consumer live with the rotated key: read its secret, and report its use. */
  grantUse(consumer: IGrantable): void {
    this.#keyturn.grantUse(consumer, this.node.id);
  }
}
