/** Which of a key's partitions a process writes its counts to, so that no busy key has one hot partition. */

export const usageShards = 16;

/** Always the same for the same process, evenly spread: FNV-1a over the code points, which needs no library. */
export function usageShard(consumer: string, instance: string): number {
  let hash = 0x811c9dc5;
  for (const char of `${consumer}#${instance}`)
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  // the low bits of FNV-1a depend on the low bits of the input only; the high ones on all of it
  return ((hash >>> 16) ^ hash) & (usageShards - 1);
}
