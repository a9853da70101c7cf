/** What a kind of target consists of: one object per plug-in, with its IAM needs and what it reads as data. */
import type * as z from 'zod';
import { accepted } from '../plug-ins/blocks.ts';
import type { Need } from '../plug-ins/need.ts';
import type { Patience } from '../plug-ins/patience.ts';
import type { Target } from '../rotation/ports.ts';
import type { SecretText } from '../rotation/secret-text.ts';

/** What rights are told apart by. */
export type TargetVerb = 'deploy' | 'check';

export type TargetPermissions = Readonly<Record<TargetVerb, readonly Need[]>>;

/** What of a key a target sees: only one that holds a copy reads the value, the others learn ids. */
export type Reads = 'value' | 'ids';

/**
 * All that a target's runtime gets of the world. What is AWS's comes as calls, not as clients, so that whoever reads
 * only schemas and rights of targets carries no SDK.
 */
export interface TargetWorld extends Patience {
  /** `demo` allows loopback addresses without TLS; the mode at the top of keyturn.yaml. */
  readonly mode: 'production' | 'demo';
  readonly parameters: Parameters;
  readonly functions: Functions;
  /** Reads the JSON fields of a secret by its name in Secrets Manager; for what signs, never for keys. */
  secret(name: string): Promise<Readonly<Record<string, SecretText>>>;
  readonly fetch: typeof fetch;
}

/** Parameter Store. Every call @throws TargetRejected or TargetUnavailable. */
export interface Parameters {
  /** Makes the encrypted parameter, or a new version of it, unless it has this value already. */
  put(parameter: { readonly name: string; readonly kmsKeyArn?: string }, value: SecretText): Promise<void>;
  /** Looks without decrypting; a parameter that is not there is fine. */
  look(name: string): Promise<void>;
}

/** Lambda functions of the team. Every call @throws TargetRejected or TargetUnavailable. */
export interface Functions {
  /** Runs it with this JSON and waits for its end, at most so long. */
  invoke(name: string, payload: string, milliseconds: number): Promise<void>;
  /** Asks whether it could be run, without running it. */
  mayInvoke(name: string): Promise<void>;
  /** Sets one variable of its environment unless it has this value already; the others stay. */
  setVariable(name: string, variable: string, value: string): Promise<void>;
  /** Reads its configuration, and nothing of it. */
  look(name: string): Promise<void>;
}

export interface TargetDefinition<Type extends string, Config extends z.ZodType<{ readonly type: Type }>> {
  /** The `type:` of its blocks in keyturn.yaml. */
  readonly type: Type;
  /** Accepts its own output again: blocks are stored as accepted. */
  readonly config: Config;
  permissions(block: z.output<Config>): TargetPermissions;
  /** Honest: where no target reads values, Deploy key has no right to. */
  readonly reads: Reads;
  connect(block: z.output<Config>, world: TargetWorld): Target;
}

/** A definition with one block: what is left when the type of the block no longer matters. */
interface BoundTarget {
  readonly permissions: TargetPermissions;
  connect(world: TargetWorld): Target;
}

export interface TargetPlugin<Type extends string, Config extends z.ZodType<{ readonly type: Type }>>
  extends TargetDefinition<Type, Config> {
  /** @throws InvalidInput when the plug-in's schema does not accept the block. */
  bind(block: unknown): BoundTarget;
}

/**
 * Defines a kind of target.
 *
 * @example
 * export const drawer = defineTarget({
 *   type: 'drawer',
 *   config: z.strictObject({ type: z.literal('drawer'), label: z.string() }),
 *   permissions: ({ label }) => ({ deploy: [{ kind: 'iam', actions: […], resources: […] }], check: [] }),
 *   reads: 'value',
 *   connect: ({ label }, world) => ({ deploy: async ({ read }) => …, check: async () => … }),
 * });
 */
export function defineTarget<
  const Type extends string,
  const Config extends z.ZodType<{ readonly type: Type }>,
>(definition: TargetDefinition<Type, Config>): TargetPlugin<Type, Config> {
  return {
    ...definition,
    bind: (unread) => {
      const block = accepted('target', definition, unread);
      return {
        permissions: definition.permissions(block),
        connect: (world) => definition.connect(block, world),
      };
    },
  };
}
