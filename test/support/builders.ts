/** Plausible rows for tests: a test names only what it is about. */
import type { AuditRecord } from '../../lib/rotation/audit.ts';
import type { Credential, Declaration } from '../../lib/rotation/credential.ts';
import type { Key } from '../../lib/rotation/key.ts';
import type { RotationRef } from '../../lib/rotation/ports.ts';
import {
  type Announcement,
  type GraceFacts,
  graceFrom,
  type Lease,
  type Phase,
  type Rotation,
} from '../../lib/rotation/rotation.ts';

/** When the rows say that they were made, and where `manualClock()` stands. */
export const someTime = '2026-03-02T08:00:00.000Z';

export function aDeclaration(overrides: Partial<Declaration> = {}): Declaration {
  return {
    mode: 'production',
    issuer: 'openai',
    owner: { name: 'billing-team', notify: 'billing@example.com' },
    privilege: 'standard',
    secret: {
      name: 'keyturn/demo/billing-agent',
      format: 'json',
      fields: { secret: 'apiKey', keyId: 'keyId', generation: 'generation' },
    },
    policy: { rotateEvery: 7_776_000, grace: { min: 3_600, max: 14_400, quiet: 900 } },
    consumers: [{ name: 'billing-agent', presence: 'continuous', lostAfter: 3_600 }],
    reportEvery: 60,
    ...overrides,
  };
}

/** As registration leaves it: no key yet, due now. */
export function aCredential(overrides: Partial<Credential> = {}): Credential {
  return {
    id: 'billing-agent',
    installationId: '5d1c5a0e-7f0f-4c36-9d0b-0c9b1d4f6a11',
    declaration: aDeclaration(),
    status: 'new',
    epoch: 1,
    activeRotation: null,
    currentGeneration: 0,
    lastGeneration: 0,
    currentVersionId: null,
    lastPromotedAt: null,
    dueAt: someTime,
    pause: null,
    mustChangeBy: null,
    failures: 0,
    senders: {},
    removedAt: null,
    auditSeq: 1,
    auditHash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    ...overrides,
  };
}

export function aKey(overrides: Partial<Key> = {}): Key {
  return {
    credentialId: 'billing-agent',
    generation: 1,
    attempt: 1,
    rotationId: 'a1f0d9c2-3b44-5e55-8f66-777788889999',
    issuer: 'openai',
    keyId: 'key_live_0001',
    versionId: 'c3a9e1b7-10d2-5f4a-9c3e-2b6d8f0a1c4e',
    fingerprint: '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
    status: 'current',
    mintedAt: someTime,
    expiresAt: null,
    lastProbedAt: null,
    revokedAt: null,
    proof: null,
    ...overrides,
  };
}

type RotationFields = Omit<Extract<Rotation, { phase: 'completed' }>, 'phase'> & { readonly reason: string };

/**
 * A rotation in the phase `at`, with the facts that the phase carries.
 * @example aRotation({ at: 'grace', checks: 3 })
 */
export function aRotation({
  at = 'issuing',
  ...overrides
}: { readonly at?: Phase } & Partial<RotationFields> = {}): Rotation {
  return { ...rotationIn[at], ...overrides };
}

const base = {
  kind: 'rotate' as const,
  credentialId: 'billing-agent',
  rotationId: 'a1f0d9c2-3b44-5e55-8f66-777788889999',
  generation: 2,
  oldGeneration: 1,
  epoch: 1,
  run: 1,
  attempt: 0,
  requestedBy: 'schedule',
  startedAt: someTime,
  expectedBy: '2026-03-02T08:15:00.000Z',
  resumes: 0,
  lease: null,
  outbox: [],
  intent: null,
  condemned: null,
  token: null,
};

const grace: GraceFacts = graceFrom(someTime, 4 * 3600);

const ended = { endedAt: '2026-03-02T13:00:00.000Z' };
const drained = { ...grace, drainedAt: '2026-03-02T11:00:00.000Z' };
const reason = 'the issuer refused the request';

const rotationIn: { readonly [P in Phase]: Extract<Rotation, { phase: P }> } = {
  issuing: { ...base, phase: 'issuing' },
  verifying: { ...base, phase: 'verifying' },
  verified: { ...base, phase: 'verified' },
  promoting: { ...base, phase: 'promoting' },
  grace: { ...base, ...grace, phase: 'grace' },
  'rolling-back': { ...base, ...grace, phase: 'rolling-back' },
  disabling: { ...base, ...drained, phase: 'disabling' },
  observing: { ...base, ...drained, disabledAt: drained.drainedAt, phase: 'observing' },
  enabling: { ...base, ...drained, disabledAt: drained.drainedAt, phase: 'enabling' },
  revoking: { ...base, ...drained, phase: 'revoking' },
  completing: { ...base, ...drained, phase: 'completing' },
  completed: { ...base, ...drained, ...ended, phase: 'completed' },
  abandoning: { ...base, phase: 'abandoning', reason },
  abandoned: { ...base, ...ended, phase: 'abandoned', reason },
  blocked: { ...base, ...ended, phase: 'blocked', reason },
};

/** The name under which a rotation travels through the state machine. */
export const refOf = ({ credentialId, rotationId, run }: RotationRef): RotationRef => ({
  credentialId,
  rotationId,
  run,
});

export function aLease(overrides: Partial<Lease> = {}): Lease {
  return { requestId: 'request-1', until: '2026-03-02T08:01:00.000Z', ...overrides };
}

export function anAuditRecord(overrides: Partial<AuditRecord> = {}): AuditRecord {
  return {
    credentialId: 'billing-agent',
    seq: 1,
    at: someTime,
    actor: 'registration',
    what: 'registered',
    rotationId: null,
    before: {},
    after: { status: 'new' },
    hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    ...overrides,
  };
}

export function anAnnouncement(overrides: Partial<Announcement> = {}): Announcement {
  return {
    seq: 1,
    hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    at: someTime,
    type: 'Rotation Started',
    detail: { rotationId: 'a1f0d9c2-3b44-5e55-8f66-777788889999', generation: 2 },
    ...overrides,
  };
}
