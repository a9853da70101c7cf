/** The registry of targets: one line each, from which the schema of `targets:` and every look-up derive. */
import * as z from 'zod';
import { configsOf, pluginFor } from '../plug-ins/blocks.ts';
import type { Target } from '../rotation/ports.ts';
import type { Reads, TargetPermissions, TargetWorld } from './define-target.ts';
import { lambda } from './lambda.ts';
import { ssmParameter } from './ssm-parameter.ts';
import { webhook } from './webhook.ts';

const plugins = [ssmParameter, lambda, webhook] as const;

type Plugin = (typeof plugins)[number];

/** Every kind of target by its type. */
export const targets: ReadonlyMap<string, Plugin> = new Map(plugins.map((plugin) => [plugin.type, plugin]));

/** One block under `targets:` in keyturn.yaml. */
export const targetBlockSchema = z.discriminatedUnion('type', configsOf<Plugin>(...plugins));

export type TargetBlock = z.output<typeof targetBlockSchema>;

/** @throws InvalidInput when the block is of no known kind, or not as its kind wants it. */
export function connectTarget(block: unknown, world: TargetWorld): Target {
  return pluginOf(block).bind(block).connect(world);
}

/** What the calls of a block need in AWS; `@throws InvalidInput` as `connectTarget` does. */
export function targetPermissions(block: unknown): TargetPermissions {
  return pluginOf(block).bind(block).permissions;
}

/** Whether the target of a block sees keys, or only their ids; `@throws InvalidInput` for an unknown type. */
export const targetReads = (block: unknown): Reads => pluginOf(block).reads;

const pluginOf = (block: unknown): Plugin => pluginFor('target', targets, block);
