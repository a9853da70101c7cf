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
  /** Sends what there is now; resolves when the queue has taken it, or has refused it and `onError` knows. */
  flush(): Promise<void>;
  /** The last report, or the last few when counts have piled up; nothing is sent by itself afterwards. */
  leave(): Promise<void>;
}

/** A queue that does not answer must not hold up a Lambda that flushes. */
const patienceMs = 10_000;
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

  const send = async (leaving: boolean): Promise<boolean> => {
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
      windowStart: instant(Math.min(acknowledgedMs, firstNewsAt)),
      windowEnd: instant(now),
      ...(leaving && { leaving }),
      ...here,
      keys,
    };
    try {
      const command = new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(report) });
      await sqs.send(command, { abortSignal: AbortSignal.timeout(patienceMs) });
    } catch (error) {
      tell(error);
      return false;
    }
    acknowledge();
    acknowledgedMs = now;
    failing = false;
    return true;
  };

  /** Once per outage, not once per report. */
  const tell = (error: unknown): void => {
    if (failing) return;
    failing = true;
    const text = `keyturn: usage of ${consumer} cannot be reported (${textOf(error)}); counts are kept, and until a report gets through no old key of this consumer can be revoked`;
    onError(new ReportNotSent(text, safeCause(error)));
  };

  /** One after the other: a report must not overtake the acknowledgement of the one before. */
  const next = (leaving: boolean): Promise<boolean> => {
    sending = sending.then(() => send(leaving));
    return sending;
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
    flush: async () => void (await next(false)),
    async leave() {
      clearInterval(timer);
      for (let sent = 0; sent < lastReports; sent += 1) {
        if (!(await next(true)) || !log.hasNews()) return;
      }
    },
  };
}
