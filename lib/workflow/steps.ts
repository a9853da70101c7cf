/**
 * The contracts of the workflow's steps: handlers parse with them, the state machine and the roles are derived from
 * them. A running execution keeps its old definition but calls new code, so inputs change by addition only.
 */
import * as z from 'zod';

const rotationRef = z.object({
  credentialId: z.string(),
  rotationId: z.string(),
  run: z.int().positive(),
  requestedBy: z.string().default('unknown'),
});

const failure = z.object({ Error: z.string(), Cause: z.string().optional() });

/** The port methods of a step that need rights: from these and the issuer's permissions each role is derived. */
export type Use =
  | 'ledger.read'
  | 'ledger.write'
  /** Every credential there is. */
  | 'ledger.list'
  /** What is due, and what was not heard of in time. */
  | 'ledger.due'
  /** To count what reports say, and know which key they speak of. */
  | 'usage.fold'
  | 'events.put'
  | 'secrets.create'
  | 'secrets.put'
  | 'secrets.read'
  /** To read a key for targets that hold a copy; granted only where there is one. */
  | 'secrets.copy'
  | 'secrets.versions'
  | 'secrets.moveStage'
  /** To give back an issuer's turn at making keys. */
  | 'issuer.lock'
  | 'issuer.create'
  | 'issuer.list'
  | 'issuer.probe'
  | 'issuer.revoke'
  /** To take a key out of use, and back. */
  | 'issuer.disable'
  /** To see when a key was used, as the issuer knows it. */
  | 'issuer.lastUse'
  | 'target.deploy';

interface Step {
  readonly input: z.ZodType;
  readonly uses: readonly Use[];
  /** Seconds; the issuer's lags are waited for inside verifyKey and proveDead, 10 min at most. */
  readonly timeout: number;
  /** MiB of a step that waits more than it computes, where each second costs what it has. @default 256 */
  readonly memory?: number;
}

const always = ['ledger.read', 'ledger.write', 'events.put'] as const satisfies readonly Use[];

export const steps = {
  begin: { input: rotationRef, uses: [...always, 'issuer.list'], timeout: 30 },
  issueKey: {
    input: rotationRef,
    uses: [
      ...always,
      'secrets.create',
      'secrets.put',
      'secrets.versions',
      'issuer.lock',
      'issuer.create',
      'issuer.list',
    ],
    timeout: 30,
  },
  verifyKey: {
    input: rotationRef,
    uses: [...always, 'secrets.read', 'secrets.versions', 'issuer.probe', 'issuer.list'],
    timeout: 900,
    memory: 160,
  },
  promoteKey: { input: rotationRef, uses: [...always, 'secrets.versions', 'secrets.moveStage'], timeout: 30 },
  deployKey: {
    input: rotationRef.extend({ target: z.string() }),
    uses: [...always, 'secrets.copy', 'target.deploy'],
    timeout: 60,
  },
  checkDrain: { input: rotationRef, uses: [...always, 'issuer.lastUse'], timeout: 30 },
  askOwner: { input: rotationRef.extend({ token: z.string() }), uses: always, timeout: 30 },
  rollBack: {
    input: rotationRef,
    uses: [...always, 'secrets.read', 'secrets.versions', 'secrets.moveStage', 'issuer.probe'],
    timeout: 900,
  },
  disableKey: { input: rotationRef, uses: [...always, 'issuer.disable'], timeout: 30 },
  checkBreakage: { input: rotationRef, uses: [...always, 'issuer.lastUse'], timeout: 30 },
  enableKey: { input: rotationRef, uses: [...always, 'issuer.disable'], timeout: 30 },
  revokeKey: { input: rotationRef, uses: [...always, 'issuer.revoke'], timeout: 30 },
  proveDead: {
    input: rotationRef,
    uses: [...always, 'secrets.read', 'secrets.versions', 'issuer.probe', 'issuer.list'],
    timeout: 900,
    memory: 160,
  },
  complete: {
    input: rotationRef,
    uses: [...always, 'secrets.versions', 'secrets.moveStage', 'issuer.lock', 'issuer.list'],
    timeout: 30,
  },
  abandon: {
    input: rotationRef.extend({ failure: failure.optional() }),
    uses: [...always, 'secrets.versions', 'secrets.moveStage', 'issuer.lock', 'issuer.list'],
    timeout: 30,
  },
} as const satisfies Record<string, Step>;

export type StepName = keyof typeof steps;

export type StepInput<Name extends StepName> = z.output<(typeof steps)[Name]['input']>;
