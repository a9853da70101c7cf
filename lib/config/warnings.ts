/** What of a right keyturn.yaml is allowed and probably not meant. */
import type { Declaration } from '../rotation/credential.ts';
import type { Capabilities } from '../rotation/ports.ts';
import type { Mistake } from './mistakes.ts';

interface Declared {
  readonly mode: Declaration['mode'];
  readonly credentials: Readonly<Record<string, Declaration>>;
}

/** @param capabilities of the issuer blocks, by their names. */
export function warningsOf(
  { mode, credentials }: Declared,
  capabilities: ReadonlyMap<string, Capabilities>,
): readonly Mistake[] {
  const all = Object.entries(credentials);
  return [
    ...all.flatMap(([id, declaration]) => withoutSource(id, declaration, capabilities)),
    ...all.flatMap(([id, { policy }]) => (policy.atDeadline === 'revoke' ? [revokedWithoutProof(id)] : [])),
    // A demo's consumers have no roles of their own to be told apart by.
    ...(mode === 'demo' ? [] : withoutRole(all)),
  ];
}

/** Neither consumers nor the issuer say when a key is used, so its silence is never proven. */
function withoutSource(
  id: string,
  { issuer, consumers, policy }: Declaration,
  capabilities: ReadonlyMap<string, Capabilities>,
): readonly Mistake[] {
  if (consumers.length > 0 || (capabilities.get(issuer)?.lastUsedLag ?? null) !== null) return [];
  const nobody =
    'has no "consumers", and its issuer does not say when a key is used: nobody can show that the old key is out of use';
  const text =
    policy.atDeadline === 'revoke'
      ? `${nobody}, so every rotation after the first ends by a revoke without proof: declare who uses it`
      : `${nobody}, so it never drains by proof; until its owner decides, no rotation after the first completes, and both keys stay alive: declare who uses it`;
  return [{ path: ['credentials', id], of: 'key', text }];
}

const revokedWithoutProof = (id: string): Mistake => ({
  path: ['credentials', id, 'policy', 'atDeadline'],
  of: 'value',
  text: 'is "revoke": when grace.max is over, the old key is revoked without proof that it is out of use, and whoever still uses it is cut off: use "ask" or "extend" if that is not meant',
});

/** More names would not help whoever reads them. */
const namedAtMost = 3;

/** Once for the file: an installation without roles has many. */
function withoutRole(all: readonly (readonly [id: string, Declaration])[]): readonly Mistake[] {
  const [first, ...more] = all.flatMap(([id, { consumers }]) =>
    consumers.flatMap(({ name, role }, at) => (role === undefined ? [{ id, name, at }] : [])),
  );
  if (!first) return [];
  const names = more.slice(0, namedAtMost).map(({ id, name }) => `${name} of ${id}`);
  const others = `${names.join(', ')}${more.length > namedAtMost ? ' …' : ''}`;
  const too =
    more.length === 0 ? '' : `, nor ${more.length === 1 ? 'has' : 'have'} ${more.length} more (${others})`;
  const text = `has no "role"${too}: whoever may send to the usage queue can report in its name, so declare the role that its reports come from`;
  return [{ path: ['credentials', first.id, 'consumers', first.at], of: 'value', text }];
}
