/** Sends one report per interval and process, whatever the traffic: heartbeat and counts in one message. */
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { ReportNotSent, safeCause, textOf } from './errors.ts';
import { instant, type UsageReport } from './report.ts';
import type { UsageLog } from './usage-log.ts';

export interface ReporterOptions {
  readonly consumer: string;
  readonly queueUrl: string;
  readonly sqs: Pick<SQSClient, 'send'>;
  /** Seconds; 0 sends only when asked to. */
  readonly reportEvery: number;
  readonly log: UsageLog;
  /** What this process resolves and holds right now. */
  readonly present: () => Pick<UsageReport, 'credentials' | 'holds'>;
  readonly onError: (error: Error) => void;
}

export interface Reporter {
  /**
   * Sends what there is now; resolves when the queue has taken it, or has not and `onError` knows: after 2 seconds at
   * most, while an outage lasts after 250 ms. Never rejects.
   */
  flush(): Promise<void>;
  /** The last report, or the last few when counts have piled up; nothing is sent by itself afterwards. */
  leave(): Promise<void>;
}

/** How long the queue may take for a report that nobody waits for, and for the last ones. */
const patienceMs = 10_000;
/** For a report that a Lambda waits for, whose own timeout is 3 s by default. */
const flushPatienceMs = 2_000;
/** An outage must not cost every invocation those 2 s; the report itself keeps them, should the process run on. */
const outagePatienceMs = 250;
/** Reports that `leave` sends at most: 1,000 minutes of counts. */
const lastReports = 20;

export function reporter({
  consumer,
  queueUrl,
  sqs,
  reportEvery,
  log,
  present,
  onError,
}: ReporterOptions): Reporter {
  const instance = crypto.randomUUID();
  let seq = 0;
  let acknowledgedMs = Date.now();
  let failing = false;
  let sending: Promise<boolean> = Promise.resolve(true);

  const deliver = async (leaving: boolean, patience: number): Promise<boolean> => {
    const now = Date.now();
    const here = present();
    if (here.credentials.length === 0) return true;
    const { keys, firstNewsAt = now, acknowledge } = log.take();
    const report: UsageReport = {
      v: 1,
      consumer,
      instance,
      seq: seq++,
      sentAt: instant(now),
      // the clock may have been set back since the last acknowledgement
      windowStart: instant(Math.min(acknowledgedMs, firstNewsAt, now)),
      windowEnd: instant(now),
      ...(leaving && { leaving }),
      ...here,
      keys,
    };
    const command = new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(report) });
    await within(patience, (abortSignal) => sqs.send(command, { abortSignal }));
    acknowledge();
    acknowledgedMs = now;
    failing = false;
    return true;
  };

  /** Once per outage, not once per report. A listener that fails must not silence the reporter. */
  const tell = (error: unknown): void => {
    if (failing) return;
    failing = true;
    const text = `keyturn: usage of ${consumer} cannot be reported (${textOf(error)}); counts are kept, and until a report gets through no old key of this consumer can be revoked`;
    const told = async () => onError(new ReportNotSent(text, safeCause(error)));
    told().catch(() => console.warn(text));
  };

  /** Never rejects, or every later report would fail with it. */
  const send = (leaving: boolean, patience: number): Promise<boolean> =>
    deliver(leaving, patience).catch((error: unknown) => {
      tell(error);
      return false;
    });

  /** One after the other: a report must not overtake the acknowledgement of the one before. */
  const next = (leaving: boolean): Promise<boolean> => {
    sending = sending.then(() => send(leaving, patienceMs));
    return sending;
  };

  let awaited: Promise<boolean> | undefined;
  /** A report that has not been made yet will hold what all who wait for it have used: they share it. */
  const nextFlush = (): Promise<boolean> => {
    if (awaited) return awaited;
    awaited = sending.then(() => {
      awaited = undefined;
      return send(false, flushPatienceMs);
    });
    sending = awaited;
    return awaited;
  };

  let waiting = false;
  const heartbeat = async (): Promise<void> => {
    if (waiting) return;
    waiting = true;
    await next(false);
    waiting = false;
  };
  const timer = reportEvery > 0 ? setInterval(heartbeat, reportEvery * 1000) : undefined;
  timer?.unref();

  return {
    flush: () => within(failing ? outagePatienceMs : flushPatienceMs, nextFlush).then(() => undefined, tell),
    async leave() {
      clearInterval(timer);
      for (let sent = 0; sent < lastReports; sent += 1) {
        if (!(await next(true)) || !log.hasNews()) return;
      }
    },
  };
}

/**
 * What the call resolves to, unless it takes too long: also a call that does not listen to its signal.
 * @throws what it throws, or a TimeoutError.
 */
async function within<T>(ms: number, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new DOMException(`no answer in ${ms / 1000} s`, 'TimeoutError'));
    abort.abort();
  }, ms);
  try {
    return await Promise.race([call(abort.signal), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
