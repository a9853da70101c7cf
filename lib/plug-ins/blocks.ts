/** How a block of keyturn.yaml meets its plug-in: both registries find and read blocks in the same way. */
import type * as z from 'zod';
import { InvalidInput } from '../rotation/errors.ts';

/** What keyturn.yaml calls a block of this sort, for error texts. */
export type BlockSort = 'issuer' | 'target';

/** The plug-in of a block, by its `type`. @throws InvalidInput when there is none. */
export function pluginFor<Plugin>(
  sort: BlockSort,
  plugins: ReadonlyMap<string, Plugin>,
  block: unknown,
): Plugin {
  const type = typeof block === 'object' && block !== null && 'type' in block ? block.type : undefined;
  const plugin = typeof type === 'string' ? plugins.get(type) : undefined;
  if (plugin) return plugin;
  const known = [...plugins.keys()].join(', ');
  throw new InvalidInput(`there is no ${sort} type ${JSON.stringify(type)}: expected one of ${known}`);
}

/** A block as its plug-in's schema reads it. @throws InvalidInput when the schema does not accept it. */
export function accepted<Config extends z.ZodType>(
  sort: BlockSort,
  { type, config }: { readonly type: string; readonly config: Config },
  block: unknown,
): z.output<Config> {
  const { data, error } = config.safeParse(block);
  if (error) throw new InvalidInput(`the ${type} ${sort} block is wrong: ${mistakes(error)}`);
  return data;
}

/** The schemas of a registry's plug-ins; zod wants to see that the list is not empty. */
export function configsOf<Plugin extends { readonly config: z.ZodType }>(
  first: Plugin,
  ...rest: readonly Plugin[]
): [Plugin['config'], ...Plugin['config'][]] {
  return [first.config, ...rest.map(({ config }) => config)];
}

function mistakes(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}
