/** What the demo and a consumer's process tell each other: the task at the start, counts ever after. */
import * as z from 'zod';

export type AgentTask = z.infer<typeof AgentTask>;
export const AgentTask = z.object({
  /** Its name in keyturn.yaml. */
  consumer: z.string(),
  credentialId: z.string(),
  secretId: z.string(),
  queueUrl: z.string(),
  /** Seconds for which it keeps the key; 0 reads it anew for each call. */
  cacheFor: z.number(),
  /** Seconds between two usage reports. */
  reportEvery: z.number(),
  /** What it fetches all the time. */
  url: z.string(),
});

/** Calls with one key, repeated ones as well, and those of them that the registry refused. */
export type KeyCalls = z.infer<typeof KeyCalls>;
const KeyCalls = z.object({ calls: z.int(), refused: z.int() });

export type AgentCounts = z.infer<typeof AgentCounts>;
export const AgentCounts = z.object({
  /** Calls to the registry, repeated ones as well. */
  calls: z.int(),
  /** Those of them that the registry did not answer with 200. */
  refused: z.int(),
  /** Reads of the secret that failed. */
  failedReads: z.int(),
  /** Generation of the key that the newest call was made with; null before the first. */
  generation: z.int().nullable(),
  /** The calls again, by the generation of the key that they were made with. */
  byGeneration: z.record(z.string(), KeyCalls),
});
