/** Knows which calls are still running, and with which keys: those are held too, and nobody may leave before. */

export interface CallsUnderWay {
  readonly begins: (versionId: string) => void;
  readonly ends: (versionId: string) => void;
  /** Version ids of keys in running calls. */
  readonly versions: () => readonly string[];
  /** Hands the promise on, and remembers it until it has settled. */
  readonly track: <T>(call: Promise<T>) => Promise<T>;
  /** Resolves when everything tracked has settled. */
  readonly over: () => Promise<void>;
}

export function callsUnderWay(): CallsUnderWay {
  const calls = new Map<string, number>();
  const running = new Set<Promise<unknown>>();
  return {
    begins: (versionId) => void calls.set(versionId, (calls.get(versionId) ?? 0) + 1),
    ends: (versionId) => {
      const others = (calls.get(versionId) ?? 1) - 1;
      if (others > 0) calls.set(versionId, others);
      else calls.delete(versionId);
    },
    versions: () => [...calls.keys()],
    track: (call) => {
      running.add(call);
      const forget = (): void => void running.delete(call);
      call.then(forget, forget);
      return call;
    },
    over: async () => void (await Promise.allSettled(running)),
  };
}
