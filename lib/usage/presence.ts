/** What the ledger knows of the processes that use a credential: all that the drain verdict reads. */
import type { Instant, Seconds } from './instant.ts';

/** A consumer as keyturn.yaml declares it. */
export interface Consumer {
  readonly name: string;
  /** ARN of the IAM role that its reports come from, when declared. */
  readonly role?: string;
  /** Unique id of that role, `AROA…`, where IAM cannot be asked for it: a role of another account. */
  readonly roleId?: string;
  /** `continuous` reports all the time; `intermittent` (Lambda, cron, CI) only when it runs. */
  readonly presence: 'continuous' | 'intermittent';
  /** How long a silent intermittent consumer may go between two runs. */
  readonly period?: Seconds;
  /** A continuous instance that has missed three reports is unknown for this long, then gone. @default 1 h, demo 30 s */
  readonly lostAfter: Seconds;
}

/** One process of one consumer, row `SEEN#<credential>` / `<consumer>#<instance>`. Times are shifted to our clock. */
export interface Presence {
  readonly credentialId: string;
  readonly consumer: string;
  /** One process start; chosen by the client at random. */
  readonly instance: string;
  /** Sequence number of the newest report folded in. */
  readonly seq: number;
  /** End of the window that the newest report speaks of: silence reaches no further than this. */
  readonly windowEnd: Instant;
  /** When the newest report reached the queue. */
  readonly lastSeen: Instant;
  /** When it said that it leaves; null while it stays. */
  readonly leftAt: Instant | null;
  /**
   * Sent by somebody else than the role of the consumer that it names: it counts as use only, never as silence or
   * presence. `consumer` is then `<consumer>@<sender>`.
   */
  readonly foreign?: true;
  /** Secrets Manager version ids that it holds in memory. */
  readonly holds: readonly string[];
  /** Last use of each key of the credential by this process, by Secrets Manager version id. */
  readonly lastUse: Readonly<Record<string, Instant>>;
}
