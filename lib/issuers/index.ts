/** The registry of issuers: one line each, from which the schema of `issuers:` and every look-up derive. */
import * as z from 'zod';
import { configsOf, pluginFor } from '../plug-ins/blocks.ts';
import type { Capabilities, Issuer } from '../rotation/ports.ts';
import { awsIam } from './aws-iam.ts';
import type { AdminFields, IssuerWorld, Permissions } from './define-issuer.ts';
import { http } from './http.ts';

const plugins = [awsIam, http] as const;

type Plugin = (typeof plugins)[number];

/** Every kind of issuer by its type. */
export const issuers: ReadonlyMap<string, Plugin> = new Map(plugins.map((plugin) => [plugin.type, plugin]));

/** One block under `issuers:` in keyturn.yaml. */
export const issuerBlockSchema = z.discriminatedUnion('type', configsOf<Plugin>(...plugins));

export type IssuerBlock = z.output<typeof issuerBlockSchema>;

/** @throws InvalidInput when the block is of no known kind, or not as its kind wants it. */
export function connectIssuer(block: unknown, world: IssuerWorld): Issuer {
  return pluginOf(block)
    .bind(block)
    .connect({ ...world, secret: readOnce(world) });
}

/**
 * A connection lives no longer than an invocation and needs its admin secret once: a list of many pages would read it
 * for each, and every read is paid for. One that could not be read is read again.
 */
function readOnce(world: IssuerWorld): IssuerWorld['secret'] {
  const read = new Map<string, AdminFields>();
  return async (name) => {
    const fields = read.get(name) ?? (await world.secret(name));
    read.set(name, fields);
    return fields;
  };
}

/** What the issuer of a block can do; `@throws InvalidInput` as `connectIssuer` does. */
export function issuerCapabilities(block: unknown): Capabilities {
  return pluginOf(block).bind(block).capabilities;
}

/** Whose keys the issuer of a block makes; `@throws InvalidInput` as `connectIssuer` does. */
export function issuerAccount(block: unknown): string {
  return pluginOf(block).bind(block).account;
}

/** What the calls of a block need in AWS; `@throws InvalidInput` as `connectIssuer` does. */
export function issuerPermissions(block: unknown): Permissions {
  return pluginOf(block).bind(block).permissions;
}

const pluginOf = (block: unknown): Plugin => pluginFor('issuer', issuers, block);
