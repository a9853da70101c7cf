/** Counts uses per key and minute until the queue has taken them, in bounded memory. */
import { instant, type KeyUse } from './report.ts';

export type Outcome = 'accepted' | 'refused' | 'unknown';

export interface UsageLog {
  /**
   * A key was used now. `unknown` moves the last use and counts nothing: the call is not over, or it threw.
   *
   * @param destination host name that the call goes to.
   */
  record(credential: string, versionId: string, outcome: Outcome, destination?: string): void;
  /** What the next report says. */
  take(): Batch;
  /** Whether something has not been acknowledged. */
  hasNews(): boolean;
}

interface Batch {
  readonly keys: readonly KeyUse[];
  /** Earliest use that has not been acknowledged yet, epoch milliseconds. */
  readonly firstNewsAt: number | undefined;
  /** To be called when the queue has taken the report. */
  readonly acknowledge: () => void;
}

/** The format's limit. */
const keysPerReport = 100;
/** Old and new: no credential has more than two live keys. */
const repeatedVersions = 2;
/** Without a queue for hours the oldest counts are given up, never a last use. */
const mostMinutes = 1_000;
/** As many more may pile up before the oldest are looked for, so that not every use pays for a search. */
const slack = 100;
const keptMs = 15 * 60_000;
/** keyturn refuses a report with a time more than 5 minutes after it was sent; less is cut to when it was sent. */
const mostAheadMs = 60_000;
/** Host names in one minute of one key: a report full of them must not become too large to be read. */
const mostDestinations = 3;

/** One key in one minute. Each change makes a new object, so that an acknowledgement names what it acknowledges. */
interface Minute {
  readonly name: string;
  readonly startMs: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly use: Pick<KeyUse, 'credential' | 'versionId' | 'ok' | 'denied' | 'destinations'>;
}

export function usageLog(): UsageLog {
  const minutes = new Map<string, Minute>();
  const acknowledged = new Map<string, Minute>();

  const isNews = (minute: Minute): boolean => acknowledged.get(minute.name) !== minute;
  const forget = ({ name }: Minute): void => {
    minutes.delete(name);
    acknowledged.delete(name);
  };
  const tidy = (): void => {
    const repeated = new Set(lastUses([...minutes.values()]));
    const others = [...minutes.values()].filter((minute) => !repeated.has(minute)).sort(byTime);
    const limit = Date.now() - keptMs;
    const spare = minutes.size - mostMinutes;
    others
      .filter((minute, index) => index < spare || (minute.lastMs < limit && !isNews(minute)))
      .forEach(forget);
  };

  /** Adds to the minute that is now. */
  const add = (more: Minute['use'], now: number): void => {
    const startMs = now - (now % 60_000);
    const name = `${more.credential} ${more.versionId} ${startMs}`;
    const before = minutes.get(name);
    const { ok = 0, denied = 0, destinations: known = [] } = before?.use ?? {};
    const destinations = (more.destinations ?? []).reduce(withDestination, known);
    minutes.set(name, {
      name,
      startMs,
      // a clock that is set back within the minute must not turn the span round
      firstMs: Math.min(before?.firstMs ?? now, now),
      lastMs: Math.max(before?.lastMs ?? now, now),
      use: {
        credential: more.credential,
        versionId: more.versionId,
        ok: ok + more.ok,
        denied: denied + more.denied,
        ...(destinations.length > 0 && { destinations }),
      },
    });
  };
  /**
   * After the clock was set back: uses that lie ahead of it move to now, which is not before they happened. Counts
   * that were acknowledged under their old minute stay there.
   */
  const bringBack = (now: number): void => {
    for (const minute of [...minutes.values()].filter(({ lastMs }) => lastMs > now + mostAheadMs)) {
      const { ok, denied } = acknowledged.get(minute.name)?.use ?? { ok: 0, denied: 0 };
      forget(minute);
      add({ ...minute.use, ok: minute.use.ok - ok, denied: minute.use.denied - denied }, now);
    }
  };

  return {
    record(credential, versionId, outcome, destination) {
      const [ok, denied] = [Number(outcome === 'accepted'), Number(outcome === 'refused')];
      const destinations = destination === undefined ? [] : [destination];
      add({ credential, versionId, ok, denied, destinations }, Date.now());
      if (minutes.size > mostMinutes + slack) tidy();
    },
    take() {
      bringBack(Date.now());
      const all = [...minutes.values()];
      const news = all.filter(isNews).sort(byTime);
      const sent = [...new Set([...lastUses(all), ...news])].slice(0, keysPerReport);
      return {
        keys: sent.map(keyUse),
        firstNewsAt: news[0] && Math.min(...news.map(({ firstMs }) => firstMs)),
        acknowledge: () => {
          for (const minute of sent) if (minutes.has(minute.name)) acknowledged.set(minute.name, minute);
          tidy();
        },
      };
    },
    hasNews: () => [...minutes.values()].some(isNews),
  };
}

function withDestination(known: readonly string[], destination: string): readonly string[] {
  if (known.length >= mostDestinations || known.includes(destination)) return known;
  return [...known, destination];
}

/** The newest minute of each credential's last keys: repeated in every report, so that a lost one hides no use. */
function lastUses(minutes: readonly Minute[]): readonly Minute[] {
  const versions = new Map<string, Set<string>>();
  return minutes
    .toSorted((a, b) => b.lastMs - a.lastMs)
    .filter(({ use: { credential, versionId } }) => {
      const seen = versions.get(credential) ?? new Set<string>();
      if (seen.has(versionId) || seen.size >= repeatedVersions) return false;
      versions.set(credential, seen.add(versionId));
      return true;
    });
}

const byTime = (a: Minute, b: Minute): number => a.lastMs - b.lastMs;

const keyUse = ({ startMs, firstMs, lastMs, use }: Minute): KeyUse => ({
  ...use,
  minute: `${instant(startMs).slice(0, 16)}Z`,
  firstUsedAt: instant(firstMs),
  lastUsedAt: instant(lastMs),
});
