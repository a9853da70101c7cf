/** The drain verdict in words, for the owner who is asked whether the old key may die. */
import type { DrainQuestion } from './drain.ts';
import { type Instant, secondsBetween } from './instant.ts';
import { span } from './span.ts';
import { newest, type Standing } from './standing.ts';

/** More names than this are counted, so that a verdict fits into a ledger row and a message. */
const namedAtMost = 5;

export interface DrainFindings {
  readonly question: DrainQuestion;
  readonly everyone: readonly Standing[];
  /** Those that keep the old key alive. */
  readonly holders: readonly Standing[];
  /** Whether anybody has reported since the promotion. */
  readonly reported: boolean;
}

/** «mirror used the old key at 10:42:05Z, 3 s ago; nightly has not been seen since 09:10:00Z, …» */
export function drainReason(findings: DrainFindings): string {
  const { question, everyone, holders, reported } = findings;
  const nobody = [
    ...(question.declared.length > 0 ? [] : ['keyturn.yaml declares no consumer, so nobody can be asked']),
    ...(reported ? [] : ['nobody reports on this credential, so silence proves nothing']),
  ];
  const held = holders.map((standing) => holdClause(standing, question));
  const behind = question.targetsBehind.map((target) => `target ${target} does not have the new key yet`);
  const free = reported && held.length === 0 ? [freeClause(findings)] : [];
  const lost = everyone.filter((standing) => standing.lostSince && !holders.includes(standing));
  return [
    ...nobody,
    ...shorten(held),
    ...shorten(behind),
    ...free,
    ...shorten(lost.map((one) => lostClause(one, question))),
  ].join('; ');
}

function holdClause(standing: Standing, { now }: DrainQuestion): string {
  const { lastOldUse, silentAt, holdsOld, state, watermark } = standing;
  const clauses = [];
  if (lastOldUse && silentAt && silentAt > now) {
    clauses.push(`used the old key at ${time(lastOldUse, now)}, ${ago(lastOldUse, now)}`);
  }
  if (holdsOld) clauses.push('holds the old key');
  if (state === 'unknown') clauses.push(unknownClause(standing, now));
  if (clauses.length === 0) clauses.push(`has reported only up to ${time(watermark ?? now, now)}`);
  return `${name(standing)} ${clauses.join(' and ')}`;
}

function unknownClause({ lastSeen, presence }: Standing, now: Instant): string {
  if (lastSeen === null) return 'has never been seen, so its silence proves nothing';
  const since = time(lastSeen, now);
  return presence === 'intermittent'
    ? `has not used the new key yet (last seen at ${since}), so its silence proves nothing`
    : `has not been seen since ${since}, so its silence proves nothing`;
}

function freeClause({ question, everyone }: DrainFindings): string {
  const { now, graceEnds } = question;
  const lastOldUse = newest(everyone.map((standing) => standing.lastOldUse));
  const silence = lastOldUse
    ? `the old key was last used at ${time(lastOldUse, now)}, ${ago(lastOldUse, now)}`
    : 'no use of the old key was ever reported';
  const grace = now < graceEnds ? `; the minimum grace lasts until ${time(graceEnds, now)}` : '';
  return `nobody is on the old key, and ${silence}${grace}`;
}

function lostClause(standing: Standing, { now }: DrainQuestion): string {
  return `${name(standing)} lost a process, last seen at ${time(standing.lostSince ?? now, now)}, which counts as gone`;
}

function shorten(clauses: readonly string[]): readonly string[] {
  if (clauses.length <= namedAtMost) return clauses;
  return [...clauses.slice(0, namedAtMost), `and ${clauses.length - namedAtMost} more`];
}

const name = ({ consumer, declared }: Standing): string =>
  declared ? consumer : `${consumer} (not declared)`;

/** `10:42:05Z` on the day of `now`, with the date on any other. */
function time(at: Instant, now: Instant): string {
  const clock = `${at.slice(11, 19)}Z`;
  return at.slice(0, 10) === now.slice(0, 10) ? clock : `${at.slice(0, 10)} ${clock}`;
}

const ago = (at: Instant, now: Instant): string => `${span(secondsBetween(at, now))} ago`;
