/** Takes a batch of usage reports off the queue into the usage book. */
import { foldReports } from './fold.ts';
import { inParallel } from './in-parallel.ts';
import type { Seconds } from './instant.ts';
import type { ParsedReport, Rejection } from './report.ts';
import { credentialsOf, type ReportMessage } from './report-message.ts';
import { countsReachOf, type KnownCredential, type UsageBook } from './usage-book.ts';

/** Credentials at a time: a batch can name 100,000, all made up, and each has a request of its own. */
export const credentialsAtOnce = 16;

/** A message as SQS hands it to the Lambda. */
export interface QueuedReport {
  readonly messageId: string;
  readonly body: string;
  /** Its attribute SenderId. */
  readonly senderId: string;
  /** Its attribute SentTimestamp, epoch milliseconds. */
  readonly sentTimestampMs: number;
}

export interface FoldUsagePorts {
  readonly usageBook: Pick<UsageBook, 'apply' | 'known'>;
  readonly parseReport: (body: string) => ParsedReport;
  readonly metrics: { count(name: 'ReportRejected', dimensions: Readonly<Record<string, string>>): void };
  /** As `countsReachOf`. @default the one for minutes that are kept for 15 days, the fewest there may be */
  readonly countsReach?: Seconds;
}

export interface FoldUsageResult {
  /** Messages that must come again, because the book could not be reached. */
  readonly failed: readonly string[];
  /** Messages that will never be better: for the dead-letter queue, with their reasons. */
  readonly rejected: readonly Rejection[];
  /** Why messages failed, one error per credential, for the log. */
  readonly errors: readonly unknown[];
}

/**
 * 1. Parses every message; 2. looks up the keys of the credentials named, and who speaks for their consumers; 3. folds
 * all in memory; 4. writes each credential's rows. A bad message, or a bad part of one, never blocks the rest; a credential whose rows cannot be
 * read or written fails the messages that name it and no others.
 *
 * Run twice, or with some messages twice, it changes nothing the second time: counts are cumulative per minute and
 * rows take only what is newer.
 */
export async function foldUsage(
  ports: FoldUsagePorts,
  queued: readonly QueuedReport[],
): Promise<FoldUsageResult> {
  const { messages, rejected: unreadable } = parse(ports, queued);
  const lookups = await lookUp(ports, new Set(messages.flatMap(({ report }) => credentialsOf(report))));
  const readable = messages.filter(isFreeOf(lookups.errors));
  const folded = foldReports(readable, lookups.known, ports.countsReach ?? countsReachOf(15));
  const writes = await write(ports, folded);
  const errors = new Map([...lookups.errors, ...writes]);
  const failed = messages.filter((message) => !isFreeOf(errors)(message)).map(({ messageId }) => messageId);
  const rejected = [...unreadable, ...folded.rejected.filter(({ messageId }) => !failed.includes(messageId))];
  for (const { code } of rejected) ports.metrics.count('ReportRejected', { reason: code });
  return { failed, rejected, errors: [...errors.values()] };
}

function parse({ parseReport }: FoldUsagePorts, queued: readonly QueuedReport[]) {
  const messages: ReportMessage[] = [];
  const rejected: Rejection[] = [];
  for (const { messageId, body, senderId, sentTimestampMs } of queued) {
    const parsed = parseReport(body);
    if (parsed.ok) messages.push({ messageId, report: parsed.report, senderId, sentTimestampMs });
    else rejected.push({ messageId, code: parsed.code, reason: parsed.reason });
  }
  return { messages, rejected };
}

type Errors = ReadonlyMap<string, unknown>;

async function lookUp({ usageBook }: FoldUsagePorts, credentialIds: ReadonlySet<string>) {
  const known = new Map<string, KnownCredential>();
  const errors = await forEach(credentialIds, async (credentialId) => {
    const credential = await usageBook.known(credentialId);
    if (credential) known.set(credentialId, credential);
  });
  return { known, errors };
}

async function write({ usageBook }: FoldUsagePorts, folded: ReturnType<typeof foldReports>): Promise<Errors> {
  const presence = Map.groupBy(folded.presence, ({ credentialId }) => credentialId);
  const usage = Map.groupBy(folded.usage, ({ credentialId }) => credentialId);
  return forEach(presence.keys(), (credentialId) =>
    usageBook.apply({ presence: presence.get(credentialId) ?? [], usage: usage.get(credentialId) ?? [] }),
  );
}

/** Does it for all, a few at a time; what went wrong, by credential. The caller hands it on: nothing is lost here. */
async function forEach(
  credentialIds: Iterable<string>,
  action: (credentialId: string) => Promise<void>,
): Promise<Errors> {
  const errors = new Map<string, unknown>();
  await inParallel(credentialIds, credentialsAtOnce, async (id) => {
    await action(id).catch((error: unknown) => errors.set(id, error));
  });
  return errors;
}

const isFreeOf =
  (errors: Errors) =>
  ({ report }: ReportMessage): boolean =>
    !credentialsOf(report).some((credentialId) => errors.has(credentialId));
