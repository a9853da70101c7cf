/** `keyturn history <credential>`: who changed what, in words; and whether the trail is whole. */
import type { Command } from 'commander';
import type { AuditRecord } from '../../rotation/audit.ts';
import { type TrailFinding, verifyTrail } from '../../rotation/verify-audit.ts';
import { Failure } from '../failure.ts';
import { auditWords } from '../format/audit-words.ts';
import { count } from '../format/count.ts';
import { table } from '../format/table.ts';
import type { Host } from '../host.ts';
import {
  examples,
  jsonOption,
  oneCredential,
  type StackOptions,
  type Surroundings,
  stackOption,
  wholeNumber,
} from '../options.ts';
import type { Stack } from '../stack.ts';
import { knownCredential } from './known-credential.ts';

interface Options extends StackOptions {
  readonly limit?: number;
  readonly verify?: boolean;
}

export function addHistory(keyturn: Command, { host, connect }: Surroundings): void {
  keyturn
    .command('history')
    .description('The audit trail of one credential in words, newest last.')
    .addArgument(oneCredential())
    .option('--limit <number>', 'only the newest records', wholeNumber)
    .option('--verify', 'see that numbers and hashes fit, and agree with the copies outside the table')
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['keyturn history npm-token --limit 20', 'the newest 20 changes'],
        ['keyturn history npm-token --verify', 'exit code 1 when anything does not fit'],
      ),
    )
    .action(async (credential: string, { stack: name, limit, verify = false, json = false }: Options) => {
      const stack = await connect(name);
      const trail = await wholeTrail(stack, credential);
      const verification = verify ? await verified(stack, credential, trail) : undefined;
      const shown = limit === undefined ? trail.records : trail.records.slice(-limit);
      if (json) host.out(JSON.stringify(asJson(stack, credential, shown, verification)));
      else tell(host, shown, verification);
      conclude(credential, verification);
    });
}

interface WholeTrail {
  readonly records: readonly AuditRecord[];
  readonly newest: { readonly auditSeq: number; readonly auditHash: string };
}

/** Reads that a change may come between; a busy credential is still again in a moment. */
const mostReads = 10;

/** The trail, and what the credential's row says of it at the same moment. */
async function wholeTrail(stack: Stack, id: string): Promise<WholeTrail> {
  for (let read = 1; ; read += 1) {
    const records = await stack.ledger.audit(id);
    const { auditSeq, auditHash } = (await knownCredential(stack, id)).credential;
    const isStill = (records.at(-1)?.seq ?? 0) >= auditSeq;
    // A trail that stays behind its credential has lost records, which is for the verification to say.
    if (isStill || read === mostReads) return { records, newest: { auditSeq, auditHash } };
    await stack.clock.sleep(0.2);
  }
}

interface Verification {
  readonly ok: boolean;
  readonly findings: readonly TrailFinding[];
  /** Records that have a copy outside the table; null when the stack keeps none. */
  readonly anchored: number | null;
  /** The newest of these: its hash speaks for all before it. */
  readonly anchoredUpTo: number | null;
}

async function verified(stack: Stack, id: string, { records, newest }: WholeTrail): Promise<Verification> {
  const anchored = await stack.anchor?.anchored(id);
  const findings = verifyTrail(stack.digests, { records, newest, anchored: anchored ?? [] });
  return {
    ok: findings.length === 0,
    findings,
    anchored: anchored?.length ?? null,
    anchoredUpTo: anchored?.at(-1)?.seq ?? null,
  };
}

const asJson = (
  stack: Stack,
  credential: string,
  records: readonly AuditRecord[],
  verification: Verification | undefined,
) => ({
  stack: stack.name,
  credential,
  records: records.map((record) => ({ ...record, words: auditWords(record) })),
  ...(verification && { verification }),
});

function tell(host: Host, records: readonly AuditRecord[], verification: Verification | undefined): void {
  const rows = records.map((record) => [
    `${record.seq}`,
    record.at,
    record.actor,
    auditWords(record),
    record.rotationId ?? '-',
  ]);
  for (const line of table(['SEQ', 'AT', 'WHO', 'WHAT HAPPENED', 'ROTATION'], rows)) host.out(line);
  if (!verification) return;
  host.out('');
  for (const { seq, what } of verification.findings) host.out(`record ${seq}: ${what}`);
  if (verification.ok) host.out(`every number and hash fits${anchorWords(verification)}`);
}

function anchorWords({ anchored, anchoredUpTo }: Verification): string {
  if (anchored === null)
    return '; this stack keeps no copies outside the table: deploy keyturn again to have them';
  return anchoredUpTo === null
    ? '; no record has a copy outside the table yet'
    : `; ${count(anchored, 'copy', 'copies')} outside the table, up to record ${anchoredUpTo}, say the same`;
}

function conclude(credential: string, verification: Verification | undefined): void {
  if (!verification || verification.ok) return;
  const seqs = [...new Set(verification.findings.map(({ seq }) => seq))].join(', ');
  throw new Failure(
    `the audit trail of "${credential}" does not fit at record ${seqs}: see who can write to the table and to the bucket of copies`,
  );
}
