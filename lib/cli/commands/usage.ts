/** `keyturn usage <credential>`: calls by day and consumer, whichever key they were made with. */
import type { Command } from 'commander';
import { type Instant, instant, latest, plus, type Seconds } from '../../usage/instant.ts';
import type { UsageDay } from '../../usage/usage-book.ts';
import { Failure } from '../failure.ts';
import { usageTable } from '../format/usage-table.ts';
import {
  examples,
  jsonOption,
  oneCredential,
  type StackOptions,
  type Surroundings,
  secondsIn,
  stackOption,
} from '../options.ts';
import { knownCredential } from './known-credential.ts';

/** The calls of one consumer on one day (UTC). */
interface DayOfUse extends Calls {
  readonly day: string;
  readonly consumer: string;
  /** Of the keys that it called with. */
  readonly generations: readonly number[];
  readonly lastUsedAt: Instant;
}

export interface Calls {
  /** All calls. */
  readonly calls: number;
  /** How many of them were refused. */
  readonly denied: number;
}

/** Calls of one kind over all the days. */
interface TotalOfUse extends Calls {
  readonly consumer: string;
}

export interface UsageSince {
  readonly since: string;
  /** By day, oldest first, then by consumer. */
  readonly days: readonly DayOfUse[];
  readonly consumers: readonly TotalOfUse[];
  readonly generations: readonly (Calls & { readonly generation: number })[];
  readonly total: Calls;
}

interface Options extends StackOptions {
  readonly since: string;
}

export function addUsage(keyturn: Command, { host, connect }: Surroundings): void {
  keyturn
    .command('usage')
    .summary('Calls by day and consumer, whichever key they were made with.')
    .description(
      'Calls by day (UTC) and consumer, as they were reported, today included. They go on under the name of the credential when its key changes.',
    )
    .addArgument(oneCredential())
    .option('--since <when>', 'so long ago (7d, 36h), or a day (2026-11-01)', '7d')
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['keyturn usage npm-token', 'the last seven days'],
        ['keyturn usage npm-token --since 2026-11-01', 'from that day on'],
        ['keyturn usage npm-token --since 90d --json', 'for programs'],
      ),
    )
    .action(async (credential: string, { stack: name, since, json = false }: Options) => {
      const dayAt = sinceWhen(since);
      const stack = await connect(name);
      await knownCredential(stack, credential);
      const from = dayAt(stack.clock.now());
      const usage = usageSince(from, await stack.usage.days(credential, from));
      if (json) return host.out(JSON.stringify({ stack: name, credential, ...usage }));
      if (usage.days.length === 0)
        return host.out(`nobody has reported a call with a key of "${credential}" since ${from}`);
      for (const line of usageTable(usage, stack.clock.now())) host.out(line);
    });
}

/**
 * Whole days: the first counts from its midnight.
 * @returns what counts back from a moment.
 * @throws Failure with exit code 2 when the text is neither a duration nor a day, or too long a duration.
 */
function sinceWhen(text: string): (now: Instant) => string {
  const seconds = secondsIn(text);
  if (seconds !== undefined && seconds > longestAgo)
    throw refused(text, 'expected 400d at most; to look further back, say the day, such as 2024-11-01');
  if (seconds !== undefined) return (now) => plus(now, -seconds).slice(0, 10);
  if (isDay(text)) return () => text;
  const none = looksLikeDay(text) ? 'there is no such day; ' : '';
  throw refused(text, `${none}expected how long ago, such as 7d or 36h, or a day such as 2026-11-01`);
}

/** Seconds. A typing error reaches further sooner than a question does. */
const longestAgo: Seconds = 400 * 86_400;

const refused = (text: string, why: string): Failure =>
  new Failure(`--since is ${JSON.stringify(text)}: ${why}`, 2);

const looksLikeDay = (text: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(text);

/** Date takes 31 February for a day in March. */
function isDay(text: string): boolean {
  const at = looksLikeDay(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(at) && instant(at).slice(0, 10) === text;
}

/** Sums up the rows of the usage book, which are by key as well. */
function usageSince(since: string, rows: readonly UsageDay[]): UsageSince {
  const groups = Map.groupBy(rows, ({ day, consumer }) => `${day} ${consumer}`);
  const days = [...groups].sort(byName).flatMap(([, of]) => dayOf(of));
  return {
    since,
    days,
    consumers: [...Map.groupBy(rows, ({ consumer }) => consumer)]
      .sort(byName)
      .map(([consumer, of]) => ({ consumer, ...callsOf(of) })),
    generations: [...Map.groupBy(rows, ({ generation }) => generation)]
      .sort(([a], [b]) => a - b)
      .map(([generation, of]) => ({ generation, ...callsOf(of) })),
    total: callsOf(rows),
  };
}

function dayOf(rows: readonly UsageDay[]): readonly DayOfUse[] {
  const [first] = rows;
  if (!first) return [];
  const { day, consumer, lastUsedAt } = first;
  return [
    {
      day,
      consumer,
      ...callsOf(rows),
      generations: [...new Set(rows.map(({ generation }) => generation))].sort((a, b) => a - b),
      lastUsedAt: latest(lastUsedAt, ...rows.map((row) => row.lastUsedAt)),
    },
  ];
}

function callsOf(rows: readonly UsageDay[]): Calls {
  const sum = (of: (row: UsageDay) => number): number => rows.reduce((total, row) => total + of(row), 0);
  return { calls: sum(({ ok, denied }) => ok + denied), denied: sum(({ denied }) => denied) };
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
