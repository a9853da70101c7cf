/** The drain verdict in words, for the owner who is asked whether the leaving key may die. */
import type { DrainQuestion } from './drain.ts';
import { newest, plus } from './instant.ts';
import { type IssuerHold, seenUse } from './issuer-word.ts';
import { clockTime, timeAndAge } from './span.ts';
import { type Standing, usesIt } from './standing.ts';

/** More names than this are counted, so that a verdict fits into a ledger row and a message. */
const namedAtMost = 5;

export interface DrainFindings {
  readonly question: DrainQuestion;
  readonly everyone: readonly Standing[];
  /** Those that keep the leaving key alive. */
  readonly holders: readonly Standing[];
  /** What the issuer says, when that keeps it alive and nobody else's word says the same. */
  readonly issuerHolds: IssuerHold | null;
  /** Whether there is anybody whose silence means something. */
  readonly witnessed: boolean;
}

/** «mirror used generation 4 at 10:42:05Z, 3 min ago; nightly has not been seen since 09:10:00Z, …» */
export function drainReason(findings: DrainFindings): string {
  const { question, everyone, holders, issuerHolds, witnessed } = findings;
  const held = [
    ...shorten(holders.map((standing) => holdClause(standing, question))),
    ...(issuerHolds ? [issuerClause(issuerHolds, question)] : []),
  ];
  const lost = everyone.filter((standing) => standing.lostSince && !holders.includes(standing));
  return [
    ...(witnessed ? [] : [nobodyClause(question)]),
    ...held,
    ...shorten(question.targetsBehind.map((target) => targetClause(target, question))),
    ...(witnessed && held.length === 0 ? [freeClause(findings)] : []),
    ...shorten(lost.map((standing) => lostClause(standing, question))),
  ].join('; ');
}

const nobodyClause = ({ declared }: DrainQuestion): string =>
  declared.length > 0
    ? 'nobody reports on this credential, so silence proves nothing'
    : 'keyturn.yaml declares no consumer, and the issuer does not say when keys are used';

function holdClause(standing: Standing, question: DrainQuestion): string {
  const { now, leaving } = question;
  const { lastUse, holds, place, watermark } = standing;
  const clauses = [];
  if (lastUse && usesIt(standing, now)) {
    clauses.push(`used ${generation(leaving)} at ${timeAndAge(lastUse, now)}`);
  }
  if (holds) clauses.push(`holds ${generation(leaving)}`);
  if (place === 'unknown') clauses.push(unknownClause(standing, question));
  if (clauses.length === 0) clauses.push(`has reported only up to ${clockTime(watermark ?? now, now)}`);
  return `${name(standing)} ${clauses.join(' and ')}`;
}

function unknownClause({ lastSeen, presence }: Standing, { now, staying }: DrainQuestion): string {
  if (lastSeen === null) return 'has never been seen, so its silence proves nothing';
  const since = clockTime(lastSeen, now);
  return presence === 'intermittent' && staying
    ? `has not used ${generation(staying)} yet (last seen at ${since}), so its silence proves nothing`
    : `has not been seen since ${since}, so its silence proves nothing`;
}

function issuerClause(word: IssuerHold, { now, quiet, leaving }: DrainQuestion): string {
  const issuer = `issuer ${word.name}`;
  const key = generation(leaving);
  switch (word.says) {
    case 'nothing':
      return `${issuer} could not say when ${key} was last used (${word.failure})`;
    case 'used': {
      const seen = `${issuer} saw ${key} used at ${timeAndAge(word.at, now)}`;
      if (!word.reported) return `${seen}, by somebody who does not report`;
      return plus(word.at, quiet) > now ? seen : `${seen}, and cannot say yet that this was the last time`;
    }
    case 'probed':
      return `${issuer} cannot tell use of ${key} up to ${clockTime(word.until, now)} from a probe by keyturn`;
    case 'late':
      return `${issuer} can say only up to ${clockTime(word.reach, now)} that ${key} was silent`;
    default:
      return word satisfies never;
  }
}

const targetClause = (target: string, { leaving, staying }: DrainQuestion): string =>
  staying
    ? `target ${target} does not have ${generation(staying)} yet`
    : `target ${target} may still hold ${generation(leaving)}`;

function freeClause({ question, everyone }: DrainFindings): string {
  const { now, graceEnds, leaving } = question;
  const seen = question.issuer && seenUse(question.issuer, question);
  const lastUse = newest([...everyone.map((standing) => standing.lastUse), seen]);
  const silence = lastUse
    ? `which was last used at ${timeAndAge(lastUse, now)}`
    : 'and no use of it is known';
  const grace = now < graceEnds ? `; the minimum grace lasts until ${clockTime(graceEnds, now)}` : '';
  return `nobody is on ${generation(leaving)}, ${silence}${grace}`;
}

function lostClause(standing: Standing, { now }: DrainQuestion): string {
  const since = clockTime(standing.lostSince ?? now, now);
  return `${name(standing)} lost a process, last seen at ${since}, which counts as gone`;
}

function shorten(clauses: readonly string[]): readonly string[] {
  if (clauses.length <= namedAtMost) return clauses;
  return [...clauses.slice(0, namedAtMost), `and ${clauses.length - namedAtMost} more`];
}

function name({ consumer, kind }: Standing): string {
  if (kind === 'declared') return consumer;
  return `${consumer} (${kind === 'foreign' ? 'not the role that is declared' : 'not declared'})`;
}

const generation = (key: { readonly generation: number }): string => `generation ${key.generation}`;
