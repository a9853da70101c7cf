/** What a kind of issuer consists of: one object per plug-in, with its IAM needs and capabilities as data. */
import type * as z from 'zod';
import { accepted } from '../plug-ins/blocks.ts';
import type { Need } from '../plug-ins/need.ts';
import type { Capabilities, Clock, Issuer } from '../rotation/ports.ts';
import type { SecretText } from '../rotation/secret-text.ts';
import type { Instant } from '../usage/instant.ts';

/** What rights are told apart by; `enable` takes what `disable` takes. */
export const permissionVerbs = ['create', 'list', 'probe', 'lastUse', 'disable', 'revoke'] as const;

export type PermissionVerb = (typeof permissionVerbs)[number];

export type Permissions = Readonly<Record<PermissionVerb, readonly Need[]>>;

/** JSON fields of an admin secret. */
export type AdminFields = Readonly<Record<string, SecretText>>;

/** All that an issuer's runtime gets of the world. */
export interface IssuerWorld {
  /** `demo` allows loopback issuers without TLS; the mode at the top of keyturn.yaml. */
  readonly mode: 'production' | 'demo';
  /** Reads an admin secret by its name in Secrets Manager. */
  secret(name: string): Promise<AdminFields>;
  readonly fetch: typeof fetch;
  /** The access keys of the IAM user with this name; a call and no client, so that schemas carry no SDK. */
  accessKeys(userName: string): Omit<Issuer, 'capabilities'>;
  readonly clock: Pick<Clock, 'now'>;
  /** When the invocation that runs now is killed. */
  deadline(): Instant;
}

export interface IssuerDefinition<Type extends string, Config extends z.ZodType<{ readonly type: Type }>> {
  /** The `type:` of its blocks in keyturn.yaml. */
  readonly type: Type;
  /** A strict object that accepts its own output again: blocks are stored as accepted. */
  readonly config: Config;
  permissions(block: z.output<Config>): Permissions;
  /** Honest: the workflow obeys them. */
  capabilities(block: z.output<Config>): Capabilities;
  /**
   * Whose keys they are at the issuer: the same for two blocks whose keys it would list together, and for one block as
   * long as its keys stay where they are. Never a secret: it stands in the ledger and in errors.
   */
  account(block: z.output<Config>): string;
  connect(block: z.output<Config>, world: IssuerWorld): Issuer;
}

/** A definition with one block: what is left when the type of the block no longer matters. */
interface BoundIssuer {
  readonly permissions: Permissions;
  readonly capabilities: Capabilities;
  /** With the type before it, so that no two kinds of issuer can mean the same. */
  readonly account: string;
  connect(world: IssuerWorld): Issuer;
}

export interface IssuerPlugin<Type extends string, Config extends z.ZodType<{ readonly type: Type }>>
  extends IssuerDefinition<Type, Config> {
  /** @throws InvalidInput when the plug-in's schema does not accept the block. */
  bind(block: unknown): BoundIssuer;
}

/**
 * Defines a kind of issuer.
 *
 * @example
 * export const vending = defineIssuer({
 *   type: 'vending',
 *   config: z.strictObject({ type: z.literal('vending'), machine: z.string(), admin: secretName }),
 *   permissions: ({ admin }) => ({ create: [{ kind: 'secret-read', secret: admin }], … }),
 *   capabilities: () => ({ create: 'api', maxLiveKeys: 2, … }),
 *   account: ({ machine }) => machine,
 *   connect: (block, world) => ({ create: async ({ label }) => …, … }),
 * });
 */
export function defineIssuer<
  const Type extends string,
  const Config extends z.ZodType<{ readonly type: Type }>,
>(definition: IssuerDefinition<Type, Config>): IssuerPlugin<Type, Config> {
  return {
    ...definition,
    bind: (unread) => {
      const block = accepted('issuer', definition, unread);
      return {
        permissions: definition.permissions(block),
        capabilities: definition.capabilities(block),
        account: `${definition.type} ${definition.account(block)}`,
        connect: (world) => definition.connect(block, world),
      };
    },
  };
}
