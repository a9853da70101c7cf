/** docs/errors.md, made from lib/rotation/errors.ts: what each error means, where it leads and what a person does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as errors from '../../lib/rotation/errors.ts';

type Errors = typeof errors;
type ErrorName = {
  [Name in keyof Errors]: Errors[Name] extends new (...args: never) => Error ? Name : never;
}[keyof Errors];

/** What a person does. The type asks for a line as soon as there is another error. */
const whatToDo: Readonly<Record<ErrorName, string>> = {
  Fenced: 'Nothing. Whoever moved the epoch owns the credential now.',
  Superseded: 'Nothing. The newer run goes on.',
  StepBusy:
    'Nothing at first. If the execution ends with it, the sweep resumes the rotation; if that comes again, see what holds the lease: [stuck](guides/when-something-is-stuck.md).',
  LedgerChanged: 'Nothing. It is read again and tried again.',
  OrphanFound: 'Nothing. `keyturn history` names the key that is revoked on the way.',
  UnknownKeyFound:
    'Look at the keys that the event `Unknown Key Found` names. Remove them at the issuer if nobody needs them, then `keyturn rotate <credential>`.',
  AlreadyDecided: 'Nothing. The rotation goes on with what was decided.',
  DecisionStale: 'Look again (`keyturn drain <credential>`), then decide on the question that is open now.',
  IssuerRejected:
    'Read the status and the path in the text. Mostly the admin secret has expired, lacks a right, or the issuer has no room for another key.',
  IssuerUnavailable: "See the issuer's status page. keyturn goes on by itself when it answers again.",
  TargetRejected:
    'Read the text: a missing right, a wrong name, a wrong signing secret. Mend it; Check drain comes back to the target at each look. Until then the old key stays alive.',
  TargetUnavailable: 'See whether the target runs. It is tried again for about an hour, then at each look.',
  CredentialRemoved: 'Nothing, if it was meant to go. Else put it back into keyturn.yaml and deploy.',
  KeyRefused:
    'Ask the issuer why it does not accept the key that it has just made: a wrong probe, a right that comes late (`createLag`), a life that is too short.',
  ProbeUntrusted:
    "Correct the probe's rules: it takes a random key for a good one, so nothing that it says is evidence.",
  AttemptsExhausted:
    'See in `keyturn history` why no value could be kept: mostly Secrets Manager refused to store it. All of them are revoked.',
  SecretChangedOutside:
    'Find out who writes to the secret and stop that. Move AWSCURRENT back to the version that the text names.',
  NotProvenDead:
    'The key still works although the issuer accepted its revoke. Revoke it there by hand; the proof is asked for again for 30 days, hourly in the end.',
  PastCommitPoint:
    'Consumers may have the new key already, so nothing is undone. Mend what the text names; the sweep resumes the rotation, or `keyturn resume <credential>` does at once.',
  ImpossibleTransition: 'Report it as a bug, with `keyturn history <credential> --json`.',
  InvalidInput: 'Do what the text says: it names the place, the wrong value and what is right.',
};

const source = readFileSync(join(import.meta.dirname, '..', '..', 'lib', 'rotation', 'errors.ts'), 'utf8');

const names = Object.entries(errors).flatMap(([name, value]) =>
  typeof value === 'function' ? [name as ErrorName] : [],
);

export function errorsPage(): string {
  return `# Errors

<!-- Made from lib/rotation/errors.ts by test/docs/errors-page.ts: change it there. \`npm run docs\` writes it anew. -->

Every error of a step is one of these, or one of AWS's own. Step Functions routes on the name. The text says what went
wrong, the wrong value and what to do; no secret is ever in it. Read it in the execution's history, in the step's log,
or in \`keyturn status <credential>\`.

Any error that is not named below is retried: before the [commit point](concepts.md#the-commit-point) for a few minutes,
then the rotation is abandoned; from there on for 30 days, hourly in the end. [Workflow](workflow.md) has the exact
numbers of each step.

| Error | What has happened | Where it leads | What you do |
|---|---|---|---|
${names.map(row).join('\n')}

Errors of the client library (\`KeyNotIssued\`, \`KeyUnavailable\` …) are on [its page](client.md#errors).
`;
}

const row = (name: ErrorName): string =>
  `| \`${name}\` | ${docstringOf(name)} | ${whereItLeads(name)} | ${whatToDo[name]} |`;

function docstringOf(name: ErrorName): string {
  const [, text] = new RegExp(`/\\*\\* (.+) \\*/\\nexport class ${name} `).exec(source) ?? [];
  if (text === undefined) throw new Error(`class ${name} in errors.ts has no docstring of one line`);
  return text;
}

/** From the lists that the state machine's Retry and Catch are made of, the narrowest first. */
function whereItLeads(name: ErrorName): string {
  const isIn = (list: readonly string[]): boolean => list.includes(name);
  if (isIn(errors.endsWithoutEffect)) return 'The run ends without effect.';
  if (isIn(errors.routed)) return routes[name as (typeof errors.routed)[number]];
  if (isIn(errors.neverMended))
    return 'Never retried. Before the commit point: Abandon. After it: the execution fails, the sweep resumes it.';
  if (isIn(errors.notWorthRetrying))
    return 'Before the commit point: Abandon at once. In a later step: retried for 30 days.';
  return special[name] ?? 'Retried; before the commit point it leads to Abandon in the end.';
}

const routes: Readonly<Record<(typeof errors.routed)[number], string>> = {
  OrphanFound: 'To Revoke key at once, then back.',
  UnknownKeyFound: 'The rotation ends `blocked`. Nothing is revoked.',
  AlreadyDecided: 'To Check drain at once.',
};

/** What follows from no list: the waits of `retryWhenBusy` and the deployments to targets. */
const special: Readonly<Partial<Record<ErrorName, string>>> = {
  StepBusy:
    "Retried for an hour longer than the step's function may run, then the execution ends; nothing is undone.",
  NotProvenDead: 'Retried for 30 days, hourly in the end.',
  DecisionStale: '`keyturn decide` ends with it; no step throws it.',
  TargetRejected: 'The target is left behind for now and counts as a holder of the old key.',
  TargetUnavailable:
    'Retried for about an hour; then the target is left behind for now and counts as a holder of the old key.',
};
