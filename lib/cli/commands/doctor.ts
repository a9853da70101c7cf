/** `keyturn doctor`: looks at everything that a rotation needs, by harmless calls, and says what is missing. */
import type { Command } from 'commander';
import { connectionChecks } from '../doctor/connections.ts';
import { credentialFindings } from '../doctor/credentials.ts';
import { type Finding, findingOf } from '../doctor/finding.ts';
import { Failure } from '../failure.ts';
import { paintIf } from '../format/colour.ts';
import { table } from '../format/table.ts';
import { inParallel } from '../in-parallel.ts';
import { examples, jsonOption, type StackOptions, type Surroundings, stackOption } from '../options.ts';
import type { Stack } from '../stack.ts';

export function addDoctor(keyturn: Command, { host, connect }: Surroundings): void {
  keyturn
    .command('doctor')
    .summary('Looks at everything that a rotation needs, and says what is missing.')
    .description(
      "Looks at the stack, every issuer's admin secret, every target and every credential, by harmless calls with your own rights, and says what is missing.",
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `${examples(
        ['keyturn doctor', 'exit code 1 when something is missing or wrong'],
        ['keyturn doctor --stack prod --json', 'the same for programs'],
      )}

Words:
  ok       as it should be
  missing  not there
  wrong    there, and somebody has to do something
  unknown  it could not be looked at; mostly because your own rights do not reach`,
    )
    .action(async ({ stack: name, json = false }: StackOptions) => {
      const findings = await findingsOf(await connect(name));
      const bad = findings.filter(({ status }) => status === 'missing' || status === 'wrong');
      if (json) host.out(JSON.stringify({ stack: name, ok: bad.length === 0, findings }));
      const paint = paintIf(host.colour);
      const rows = findings.map(({ status, subject, text }) => [paint(status), subject, text]);
      for (const line of json ? [] : table(['STATUS', 'WHAT', 'SEEN'], rows)) host.out(line);
      if (bad.length > 0) throw new Failure(`${bad.length} of ${findings.length} are missing or wrong`);
    });
}

async function findingsOf(stack: Stack): Promise<readonly Finding[]> {
  const credentials = await stack.ledger.credentials();
  const findings = await inParallel([...stack.parts, ...connectionChecks(stack, credentials)], findingOf);
  const ofCredentials = await inParallel(credentials, (each) => credentialFindings(stack, each));
  return [...findings, ...ofCredentials.flat()];
}
