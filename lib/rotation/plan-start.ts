/** When a credential's next rotation starts, and why then: the beginning of every plan. */
import { type Instant, latest, plus } from '../usage/instant.ts';
import { span } from '../usage/span.ts';
import type { Credential } from './credential.ts';
import { failuresUntilFailing, mayChangeAt, timeBeforeExpiry } from './due.ts';
import type { Key } from './key.ts';

export interface PlannedStart {
  /** Null while nobody can tell. */
  readonly at: Instant | null;
  /** Why then, or why nobody can tell. */
  readonly why: string;
  /** What keeps it from starting then, until somebody does something about it. */
  readonly held: string | null;
}

/** @param asked whether somebody asks for it now, instead of waiting for the schedule. */
export function plannedStart(
  credential: Credential,
  keys: readonly Key[],
  now: Instant,
  asked: boolean,
): PlannedStart {
  const { activeRotation, status, dueAt, pause } = credential;
  if (status === 'retired') return never('it is retired: its last key is dead, and it is not declared');
  if (activeRotation)
    return never(`rotation ${activeRotation} is under way: the next date is set at its end`);
  if (!asked && dueAt === null) return never('it has no date: it starts when somebody asks for it');
  const wanted = asked || dueAt === null ? now : latest(now, dueAt);
  const at = mayChangeAt(credential, wanted);
  const why = asked ? 'asked for now' : whyThen(credential, keys);
  const held =
    pause && `paused by ${pause.by} since ${pause.at} (${pause.reason}): "keyturn resume" lets it start`;
  return { at, why: at === wanted ? why : `${why}; its window opens then`, held };
}

const never = (why: string): PlannedStart => ({ at: null, why, held: null });

function whyThen(
  { removedAt, failures, currentGeneration, ...rest }: Credential,
  keys: readonly Key[],
): string {
  const { adopt, policy } = rest.declaration;
  if (removedAt) return `no longer declared since ${removedAt}: its last key is to end`;
  if (failures > 0) return `another try after ${failures} abandoned in a row${failing(failures)}`;
  if (currentGeneration === 0) return adopt ? `key ${adopt.keyId} is to be adopted` : 'it has no key yet';
  const key = keys.find(({ status }) => status === 'current');
  const since = rest.lastPromotedAt ?? key?.mintedAt;
  const expiresAt = key?.expiresAt;
  if (
    since &&
    expiresAt &&
    plus(expiresAt, -(policy.grace.max + timeBeforeExpiry)) < plus(since, policy.rotateEvery)
  )
    return `key ${key.keyId} expires at ${expiresAt}, and a whole grace must fit in a day before`;
  return `every ${span(policy.rotateEvery)}${since ? `, last at ${since}` : ''}`;
}

const failing = (failures: number): string =>
  failures >= failuresUntilFailing ? ': it is failing, and tried once a day' : '';
