/** What of an issuer or target block depends on the rest of keyturn.yaml. */
import { type IssuerBlock, issuerAccount, issuerPermissions } from '../issuers/index.ts';
import type { Need } from '../plug-ins/need.ts';
import type { Declaration } from '../rotation/credential.ts';
import { type TargetBlock, targetPermissions } from '../targets/index.ts';
import type { SecretPrefix } from './declare.ts';
import type { Path, Report, Tell } from './mistakes.ts';
import type { RightParts } from './schema.ts';

/** What of the file a block must fit to. */
interface Surroundings {
  readonly mode: Declaration['mode'];
  readonly secrets: readonly SecretPrefix[];
}

export function checkIssuerBlock(
  name: string,
  block: IssuerBlock,
  around: Surroundings,
  report: Report,
): void {
  const tell = tellOf(['issuers', name], report);
  if ('baseUrl' in block) checkTls(['baseUrl'], block.baseUrl, around, tell);
  // The steps that read keys may read everything below a prefix, and must not hold what makes keys.
  checkOutside(secretsOf(issuerPermissions(block)), around, 'admin secrets', tell);
}

export function checkTargetBlock(
  name: string,
  block: TargetBlock,
  around: Surroundings,
  report: Report,
): void {
  const tell = tellOf(['targets', name], report);
  if ('url' in block) checkTls(['url'], block.url, around, tell);
  // Issue key may write everything below a prefix, and must not choose what the team trusts.
  checkOutside(secretsOf(targetPermissions(block)), around, "a target's own secrets", tell);
}

/** Deploy key, which reads what targets need, could else do all that the issuer's administrator can. */
export function checkSigningSecrets(
  issuers: ReadonlyMap<string, IssuerBlock>,
  targets: ReadonlyMap<string, TargetBlock>,
  report: Report,
): void {
  const readBy = new Map<string, string>();
  for (const [name, block] of issuers) {
    for (const secret of secretsOf(issuerPermissions(block))) readBy.set(secret, name);
  }
  for (const [name, block] of targets) {
    for (const secret of secretsOf(targetPermissions(block))) {
      const issuer = readBy.get(secret);
      if (issuer === undefined) continue;
      const text = `reads ${JSON.stringify(secret)}, an admin secret of issuers.${issuer}: give it a secret of its own`;
      report({ path: ['targets', name], of: 'value', text });
    }
  }
}

/** Keys are told apart per block: two blocks on one account would each take the other's keys for strays. */
export function checkAccountsApart(issuers: ReadonlyMap<string, IssuerBlock>, report: Report): void {
  const takenBy = new Map<string, string>();
  for (const [name, block] of issuers) {
    const account = issuerAccount(block);
    const other = takenBy.get(account);
    if (other !== undefined) {
      const unless = 'config' in block ? ' (two accounts on one server differ in `config`)' : '';
      const text = `is the same account as issuers.${other}, ${account}: use one block, since keys are told apart per block${unless}`;
      report({ path: ['issuers', name], of: 'key', text });
    }
    takenBy.set(account, other ?? name);
  }
}

/** Two credentials would overwrite each other's copy in one parameter. */
export function checkParametersApart(
  credentials: ReadonlyMap<string, RightParts>,
  targets: ReadonlyMap<string, TargetBlock>,
  report: Report,
): void {
  const takenBy = new Map<string, string>();
  for (const [id, parts] of credentials) {
    for (const [at, target] of parts.targets.entries()) {
      const block = targets.get(target);
      if (block?.type !== 'ssm-parameter') continue;
      const name = block.name.replaceAll('${credential}', id);
      const other = takenBy.get(name);
      if (other !== undefined && other !== id) {
        const text = `is ${JSON.stringify(target)}, which would write ${JSON.stringify(name)}, as for credential "${other}": put \${credential} into its name`;
        report({ path: ['credentials', id, 'targets', at], of: 'value', text });
      }
      takenBy.set(name, other ?? id);
    }
  }
}

const tellOf =
  (block: Path, report: Report): Tell =>
  (path, text) =>
    report({ path: [...block, ...path], of: 'value', text });

function checkTls(path: Path, address: string, { mode }: Surroundings, tell: Tell): void {
  if (mode === 'demo' || !address.startsWith('http:')) return;
  tell(path, `is ${JSON.stringify(address)}: expected https (http needs \`mode: demo\`)`);
}

/** Secrets that a block reads are kept apart from those of the keys. */
function checkOutside(read: ReadonlySet<string>, { secrets }: Surroundings, what: string, tell: Tell): void {
  for (const secret of read) {
    const prefix = secrets.find((each) => secret.startsWith(each.prefix))?.prefix;
    if (prefix === undefined) continue;
    tell(
      [],
      `reads ${JSON.stringify(secret)}, which is below the prefix ${JSON.stringify(prefix)} of the keys: keep ${what} elsewhere`,
    );
  }
}

const secretsOf = (permissions: Readonly<Record<string, readonly Need[]>>): ReadonlySet<string> =>
  new Set(
    Object.values(permissions)
      .flat()
      .flatMap((need) => (need.kind === 'secret-read' ? [need.secret] : [])),
  );
