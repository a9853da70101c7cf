/** Reads usage report v1 (v1.1) from a queue that any consumer can write to: strict, and bounded in every direction. */
import * as z from 'zod';
import { type Instant, instant } from '../usage/instant.ts';
import type { KeyUse, ParsedReport, UsageReport } from '../usage/report.ts';

/** What a report may hold; a process with more splits it over several instances. */
export const reportLimits = {
  /** Characters of the body. */
  body: 131_072,
  keys: 100,
  credentials: 100,
  holds: 200,
  sources: 50,
  destinations: 20,
  /** Seconds that a time may lie after `sentAt`. */
  future: 300,
} as const;

const credentialId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
/** No `#`, which separates the parts of a row's key. */
const label = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$/);
const versionId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/);
/** Any precision comes in, milliseconds go on: instants are compared as text. */
const time = z.iso.datetime().transform((text) => instant(Date.parse(text)));
const count = z.int().min(0).max(1_000_000_000);

/** Of a keyed hash, so that no address can be guessed from it; one spelling, since hashes are compared as text. */
const source = z.string().regex(/^[0-9a-f]{16,64}$/, { error: 'expected 16 to 64 lower-case hex digits' });
const hostName = z
  .string()
  .regex(/^[a-z0-9_]([a-z0-9._-]{0,251}[a-z0-9])?$/, { error: 'expected a host name in lower case' });

const keyUse = z
  .strictObject({
    credential: credentialId,
    versionId,
    minute: z.iso.datetime({ precision: -1 }),
    ok: count,
    denied: count,
    sources: z.array(source).max(reportLimits.sources).exactOptional(),
    destinations: z.array(hostName).max(reportLimits.destinations).exactOptional(),
    firstUsedAt: time,
    lastUsedAt: time,
  })
  .superRefine((use, context) => {
    const [begins, ends] = spanOf(use);
    mustNotPrecede(context, 'firstUsedAt', use.firstUsedAt, begins);
    mustNotPrecede(context, 'lastUsedAt', use.lastUsedAt, use.firstUsedAt);
    if (use.lastUsedAt < ends) return;
    const message = `${use.lastUsedAt} lies after its minute ${use.minute}`;
    context.addIssue({ code: 'custom', path: ['lastUsedAt'], message });
  });

const usageReport = z
  .strictObject({
    v: z.literal(1),
    consumer: label,
    instance: label,
    seq: z.int().min(0),
    sentAt: time,
    windowStart: time,
    windowEnd: time,
    leaving: z.boolean().exactOptional(),
    credentials: z.array(credentialId).max(reportLimits.credentials),
    holds: z.array(versionId).max(reportLimits.holds),
    keys: z.array(keyUse).max(reportLimits.keys),
  })
  .superRefine(({ windowStart, windowEnd }, context) =>
    mustNotPrecede(context, 'windowEnd', windowEnd, windowStart),
  ) satisfies z.ZodType<UsageReport>;

/** The report in a message's body, or why it is none; never throws, whatever the body. */
export function parseUsageReport(body: string): ParsedReport {
  if (body.length > reportLimits.body) {
    const reason = `the body has ${body.length} characters, at most ${reportLimits.body} are read`;
    return { ok: false, code: 'too large', reason };
  }
  const parsed = usageReport.safeParse(json(body));
  if (!parsed.success) return { ok: false, code: 'malformed', reason: firstIssues(parsed.error) };
  const late = latestTime(parsed.data);
  if (late.at > instant(Date.parse(parsed.data.sentAt) + reportLimits.future * 1000)) {
    const reason = `${late.name} is ${late.at}, more than ${reportLimits.future} s after sentAt ${parsed.data.sentAt}`;
    return { ok: false, code: 'from the future', reason };
  }
  return { ok: true, report: parsed.data };
}

/** A minute's first instant, and the first one after it. */
function spanOf({ minute }: Pick<KeyUse, 'minute'>): readonly [Instant, Instant] {
  const beginsMs = Date.parse(minute);
  return [instant(beginsMs), instant(beginsMs + 60_000)];
}

function mustNotPrecede(context: z.core.$RefinementCtx, field: string, at: Instant, earliest: Instant): void {
  if (at >= earliest) return;
  context.addIssue({ code: 'custom', path: [field], message: `${at} lies before ${earliest}` });
}

/** Undefined for what is no JSON, which no schema accepts. */
function json(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** `keys.0.minute: invalid ISO datetime; …`: enough to mend the sender, short enough for a message attribute. */
function firstIssues({ issues }: z.ZodError): string {
  const texts = issues.slice(0, 3).map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  return `not a usage report v1: ${texts.join('; ')}`.slice(0, 500);
}

function latestTime({ windowEnd, keys }: UsageReport): { readonly name: string; readonly at: string } {
  const times = keys.map(({ lastUsedAt }, index) => ({ name: `keys.${index}.lastUsedAt`, at: lastUsedAt }));
  return times.reduce((a, b) => (b.at > a.at ? b : a), { name: 'windowEnd', at: windowEnd });
}
