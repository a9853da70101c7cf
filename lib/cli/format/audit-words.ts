/** What an audit record tells of, in words: one line per kind of change. */
import type { AuditRecord } from '../../rotation/audit.ts';
import type { RotationEvent } from '../../rotation/rotation.ts';
import { span } from '../../usage/span.ts';

/** Changes of a credential outside any rotation. */
type CredentialChange =
  | 'registered'
  | 'declarationChanged'
  | 'sendersChanged'
  | 'removed'
  | 'declaredAgain'
  | 'rotationStarted'
  | 'putOff'
  | 'paused'
  | 'unpaused';

type Words = (record: Pick<AuditRecord, 'before' | 'after'>) => string;

/** A change that is not known here, from a newer keyturn, keeps its own name. */
export const auditWords = (record: AuditRecord): string => wordsOf(record.what)?.(record) ?? record.what;

const wordsOf = (what: string): Words | undefined => new Map(Object.entries<Words>(words)).get(what);

const words = {
  registered: ({ after }) => `declared, with issuer ${at(after, 'declaration', 'issuer')}`,
  declarationChanged: (record) => `declaration changed: ${changedFields(record)}`,
  sendersChanged: (record) => `who reports as ${changedSenders(record)} was looked up anew`,
  removed: () => 'no longer declared: its last key is to end',
  declaredAgain: () => 'declared again',
  putOff: ({ after }) => `put off until its window opens at ${at(after, 'dueAt')}`,
  paused: ({ after }) => `paused: ${at(after, 'pause', 'reason')}`,
  unpaused: () => 'resumed after a pause',
  rotationStarted: ({ after }) => `began to ${at(after, 'kind')}, generation ${at(after, 'lastGeneration')}`,
  takenOver: ({ after }) => `run ${at(after, 'run')} took the rotation over`,
  attemptTaken: ({ after }) => `about to ask the issuer for a key, attempt ${at(after, 'attempt')}`,
  keyMinted: ({ after }) => `the issuer made ${keysIn(after)}`,
  condemned: ({ after }) =>
    `key ${at(after, 'condemned', 'keyId')} is condemned (${at(after, 'condemned', 'why')})`,
  keyStored: ({ after }) => `the value of ${keysIn(after)} is in the secret store`,
  keyVerified: ({ after }) => `the issuer accepts ${keysIn(after)}`,
  keyAdopted: ({ after }) => `adopted ${keysIn(after)}`,
  promotionBegun: () => 'passed the commit point',
  keyPromoted: ({ after }) =>
    `consumers can read generation ${at(after, 'currentGeneration')}; deadline ${at(after, 'deadline')}`,
  keyDeployed: (record) => `target ${changedTargets(record)} has the new key`,
  deployFailed: (record) => `target ${changedTargets(record)} did not get the new key`,
  retirementCancelled: ({ after }) => `the retirement is called off: ${at(after, 'reason')}`,
  graceExtended: ({ after }) => `the deadline moved to ${at(after, 'deadline')}`,
  drained: ({ after }) => `${condemnedKey(after)} is proven out of use: ${at(after, 'verdict', 'reason')}`,
  keyDisabled: ({ after }) => `${keysIn(after)} is disabled for a trial`,
  nothingBroken: ({ after }) => `nobody missed ${condemnedKey(after)} while it was disabled`,
  breakageSeen: ({ after }) =>
    `the disabled key was missed by ${namesAt(after, 'brokenBy')}: it is to be enabled`,
  keySpared: () => 'the disabled key is to be enabled: nobody can tell, or it is wanted again',
  trialSkipped: ({ after }) =>
    `the issuer refused to disable ${condemnedKey(after)}, which goes without a trial`,
  keyEnabled: ({ after }) => `${keysIn(after)} is enabled again`,
  decisionNeeded: ({ after }) => `overdue, its owner was told: ${at(after, 'verdict', 'reason')}`,
  decided: ({ after }) => decisionWords(after),
  rolledBack: ({ after }) =>
    `rolled back: consumers can read generation ${at(after, 'currentGeneration')} again; deadline ${at(after, 'deadline')}`,
  rollBackRefused: ({ after }) => at(after, 'refusal'),
  nothingToDrain: () => 'there is no old key to wait for',
  proofAged: () =>
    'the proof that nobody uses the old key grew old before the issuer could be asked: it is made anew',
  revokeAccepted: ({ after }) => `the issuer accepted the revoke of key ${at(after, 'condemned', 'keyId')}`,
  provenDead: ({ before }) => `key ${at(before, 'condemned', 'keyId')} is proven dead`,
  completed: () => 'the rotation is complete',
  abandonBegun: ({ after }) => `the rotation is given up: ${at(after, 'reason')}`,
  abandoned: () => 'the rotation left nothing behind',
  blocked: ({ after }) => `blocked: ${at(after, 'reason')}`,
} as const satisfies Record<RotationEvent['name'] | CredentialChange, Words>;

/** What is at a path of a record's JSON; `?` when it is not there. */
function at(value: unknown, ...path: readonly string[]): string {
  const found = path.reduce<unknown>((inner, name) => fieldsOf(inner)[name], value);
  return typeof found === 'string' || typeof found === 'number' ? `${found}` : '?';
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

/** `key a`, or `key a and key b`. */
function keysIn(after: AuditRecord['after']): string {
  const { keys } = after;
  const ids = Array.isArray(keys) ? keys.map((key: unknown) => `key ${at(key, 'keyId')}`) : [];
  return ids.join(' and ') || 'the key';
}

/** The key that a rotation is to revoke, if it says which. */
function condemnedKey(after: AuditRecord['after']): string {
  const keyId = at(after, 'condemned', 'keyId');
  return keyId === '?' ? 'the leaving key' : `key ${keyId}`;
}

/** Nothing has changed about who they are when they are the same as before. */
function namesAt(after: AuditRecord['after'], name: string): string {
  const { [name]: names } = after;
  return Array.isArray(names) && names.length > 0 ? names.join(', ') : 'the same as before';
}

function decisionWords(after: AuditRecord['after']): string {
  const seconds = Number(at(after, 'decision', 'seconds'));
  const question = Number(at(after, 'decision', 'question'));
  const choice = at(after, 'decision', 'choice');
  const by = at(after, 'decision', 'by') === 'policy' ? ', as keyturn.yaml says' : '';
  const how = Number.isFinite(seconds) ? ` by ${span(seconds)}` : '';
  return `decided: ${choice}${how}${by}${question > 0 ? ` (question ${question})` : ''}`;
}

const changedSenders = ({ before, after }: Pick<AuditRecord, 'before' | 'after'>): string =>
  changedNames(fieldsOf(before['senders']), fieldsOf(after['senders'])).join(', ');

const changedTargets = ({ before, after }: Pick<AuditRecord, 'before' | 'after'>): string =>
  changedNames(fieldsOf(before['deployments']), fieldsOf(after['deployments'])).join(', ');

const changedFields = ({ before, after }: Pick<AuditRecord, 'before' | 'after'>): string =>
  changedNames(fieldsOf(before['declaration']), fieldsOf(after['declaration'])).join(', ');

const changedNames = (
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
