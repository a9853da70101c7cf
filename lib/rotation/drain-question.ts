/** The question that the drain verdict answers, from what the ledger, the reports and the issuer say now. */
import type { DrainQuestion, IssuerWitness } from '../usage/drain.ts';
import { type Instant, latest, plus } from '../usage/instant.ts';
import type { Presence } from '../usage/presence.ts';
import { targetsBehind } from './deploy-key.ts';
import { IssuerRejected, IssuerUnavailable } from './errors.ts';
import type { Key } from './key.ts';
import type { Issuer } from './ports.ts';
import { graceFacts } from './rotation.ts';
import { leavingKey, stayingKey, type TurnState } from './turn-state.ts';

/** What is known from outside the rotation's rows. */
export interface Known {
  readonly now: Instant;
  readonly presence: readonly Presence[];
  /** Null when the issuer does not say when keys are used, or is not asked. */
  readonly issuer: IssuerWitness | null;
}

/** @returns undefined when no key is to leave: before the promotion, and in a first rotation. */
export function drainQuestion(state: TurnState, known: Known): DrainQuestion | undefined {
  const { credential, rotation } = state;
  const facts = graceFacts(rotation);
  const leaving = facts && leavingKey(state);
  if (!facts || !leaving) return undefined;
  const { policy, reportEvery, consumers } = credential.declaration;
  return {
    ...known,
    promotedAt: facts.promotedAt,
    graceEnds: latest(plus(facts.promotedAt, policy.grace.min), facts.keepUntil ?? facts.promotedAt),
    deadline: facts.deadline,
    quiet: policy.grace.quiet,
    reportEvery,
    leaving: inQuestion(leaving),
    staying: rotation.kind === 'retire' ? null : inQuestion(stayingKey(state)),
    targetsBehind: targetsBehind(state),
    declared: consumers,
  };
}

/**
 * What the issuer says of a key's use. One that can't be asked holds the key, and is named: the others are heard all
 * the same.
 */
export async function issuerWitness(issuer: Issuer, key: Key): Promise<IssuerWitness | null> {
  const lag = issuer.capabilities.lastUsedLag;
  if (lag === null) return null;
  const witness = { name: key.issuer, lag, lastProbedAt: key.lastProbedAt };
  try {
    return { ...witness, lastUsedAt: (await issuer.lastUse(key.keyId)).lastUsedAt };
  } catch (error) {
    if (!isIssuers(error)) throw error;
    return { ...witness, failure: error.message };
  }
}

export const isIssuers = (error: unknown): error is IssuerRejected | IssuerUnavailable =>
  error instanceof IssuerRejected || error instanceof IssuerUnavailable;

const inQuestion = ({ versionId, generation }: Key) => ({ versionId, generation });
