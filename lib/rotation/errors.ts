/** Every decision that the workflow makes on a failure, as one error each; Step Functions routes on the names. */

/** An incident, or another owner of the credential, moved the epoch: this run must end without effect. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

/** A newer run, or another rotation, has taken over: this run must end without effect. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

/** Another invocation holds this step's lease; try again after it has run out. */
export class StepBusy extends Error {
  override readonly name = 'StepBusy';
}

/** Somebody else changed the credential's rows between our read and our write; read again. */
export class LedgerChanged extends Error {
  override readonly name = 'LedgerChanged';
}

/** A key of ours whose secret is lost has been condemned: the workflow revokes it before it goes on. */
export class OrphanFound extends Error {
  override readonly name = 'OrphanFound';
}

/** The issuer lists a key that nobody can prove to be ours; nothing is revoked, a person must look. */
export class UnknownKeyFound extends Error {
  override readonly name = 'UnknownKeyFound';
}

/** The issuer refused the request for good: the same request will be refused again. */
export class IssuerRejected extends Error {
  override readonly name = 'IssuerRejected';
}

/** The issuer did not answer, or not in a way that says what happened; the request may have had its effect. */
export class IssuerUnavailable extends Error {
  override readonly name = 'IssuerUnavailable';
}

/** The target refused the key for good: the same request will be refused again. */
export class TargetRejected extends Error {
  override readonly name = 'TargetRejected';
}

/** The target did not answer, or not in a way that says what happened; the key may be there. */
export class TargetUnavailable extends Error {
  override readonly name = 'TargetUnavailable';
}

/** A rotation before its commit point whose credential is no longer declared. */
export class CredentialRemoved extends Error {
  override readonly name = 'CredentialRemoved';
}

/** The issuer does not accept the new key. */
export class KeyRefused extends Error {
  override readonly name = 'KeyRefused';
}

/** The probe accepts a random key, so that its answer about a real one proves nothing. */
export class ProbeUntrusted extends Error {
  override readonly name = 'ProbeUntrusted';
}

/** Too many values were made for one generation and none could be kept. */
export class AttemptsExhausted extends Error {
  override readonly name = 'AttemptsExhausted';
}

/** AWSCURRENT was moved by somebody who is not keyturn. */
export class SecretChangedOutside extends Error {
  override readonly name = 'SecretChangedOutside';
}

/** The issuer still accepts, or still lists, a key that it has accepted the revoke of. */
export class NotProvenDead extends Error {
  override readonly name = 'NotProvenDead';
}

/** A rotation past its commit point is never abandoned: it stays as it is until it is resumed. */
export class PastCommitPoint extends Error {
  override readonly name = 'PastCommitPoint';
}

/** A phase does not allow what was asked of it: a mistake in keyturn, never a state of the world. */
export class ImpossibleTransition extends Error {
  override readonly name = 'ImpossibleTransition';
}

/** The owner has answered before the execution could wait for it: the ledger says what follows. */
export class AlreadyDecided extends Error {
  override readonly name = 'AlreadyDecided';
}

/** A decision on a question that is no longer the one to be answered: look again, then decide. */
export class DecisionStale extends Error {
  override readonly name = 'DecisionStale';
}

/** What an operator gave is wrong; the text says what, where and what to do. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput';
}

/** End the execution and change nothing more: somebody else owns the credential. */
export const endsWithoutEffect = ['Fenced', 'Superseded'] as const;

/** Not failures but ways: Catch leads them on at once. */
export const routed = ['OrphanFound', 'UnknownKeyFound', 'AlreadyDecided'] as const;

/** What 30 days of tries would not change either: a person must look, or has decided. */
export const neverMended = [
  'CredentialRemoved',
  'KeyRefused',
  'PastCommitPoint',
  'ImpossibleTransition',
  'InvalidInput',
  'SecretChangedOutside',
] as const;

/** Failures that another try cannot mend: before the commit point they lead straight to Abandon. */
export const notWorthRetrying = [
  'IssuerRejected',
  'ProbeUntrusted',
  'AttemptsExhausted',
  ...neverMended,
] as const;
