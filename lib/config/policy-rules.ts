/** What must hold within a rotation policy, and between it, the consumers and the issuer. */
import type { Declaration, Grace, Policy, Window } from '../rotation/credential.ts';
import type { Capabilities } from '../rotation/ports.ts';
import { opensAt } from '../rotation/window.ts';
import { plus, type Seconds, secondsBetween } from '../usage/instant.ts';
import { writeDuration } from './durations.ts';
import type { Tell } from './mistakes.ts';
import { policyBounds } from './policy-presets.ts';
import type { CredentialBlock } from './schema.ts';

/** What a policy must fit to. */
interface Surroundings {
  readonly mode: Declaration['mode'];
  readonly consumers: CredentialBlock['consumers'];
  /** Absent when the issuer is not known, or wrong itself. */
  readonly capabilities: Capabilities | undefined;
}

export function checkPolicy(policy: Policy, around: Surroundings, tell: Tell): void {
  const { grace, rotateEvery } = policy;
  const demo = around.mode === 'demo';
  checkGrace(grace, demo, tell);
  if (!demo) checkObserve(policy, tell);
  const margin = demo ? 0 : policyBounds.betweenRotations;
  if (rotateEvery <= grace.max + margin) {
    const expected = demo
      ? `more than grace.max (${writeDuration(grace.max)})`
      : `more than grace.max + 48h (${writeDuration(grace.max + margin)})`;
    tell(['policy', 'rotateEvery'], `is ${writeDuration(rotateEvery)}: expected ${expected}`);
  }
  if (policy.keyTtl !== undefined) checkKeyTtl(policy, policy.keyTtl, around, tell);
  if (!demo) checkGraceOutlasts(grace, around, tell);
}

function checkGrace(grace: Grace, demo: boolean, tell: Tell): void {
  const { graceFrom, graceTo, quietFrom } = policyBounds;
  const wrong = (field: keyof Grace, expected: string) =>
    tell(['policy', 'grace', field], `is ${writeDuration(grace[field])}: expected ${expected}`);
  for (const field of ['min', 'max'] as const) {
    if (grace[field] > graceTo) wrong(field, `at most ${writeDuration(graceTo)}`);
    if (!demo && grace[field] < graceFrom)
      wrong(field, `at least ${writeDuration(graceFrom)}, outside \`mode: demo\``);
  }
  if (grace.min > grace.max) wrong('min', `no more than max (${writeDuration(grace.max)})`);
  if (grace.quiet > grace.max) wrong('quiet', `no more than max (${writeDuration(grace.max)})`);
  if (!demo && grace.quiet < quietFrom)
    wrong('quiet', `at least ${writeDuration(quietFrom)}, outside \`mode: demo\``);
}

function checkObserve({ observe }: Policy, tell: Tell): void {
  const { observeFrom, observeTo } = policyBounds;
  if (observe === undefined || (observe >= observeFrom && observe <= observeTo)) return;
  const expected = `${writeDuration(observeFrom)} to ${writeDuration(observeTo)}, outside \`mode: demo\``;
  tell(['policy', 'observe'], `is ${writeDuration(observe)}: expected ${expected}`);
}

/**
 * A key's successor is made in time before it ends, which must leave room for its own life first. The same in
 * `mode: demo`, where a shorter one would be due again as soon as it is made.
 */
function checkKeyTtl(
  { grace, windows }: Policy,
  keyTtl: Seconds,
  { capabilities }: Surroundings,
  tell: Tell,
): void {
  const wrong = (text: string) => tell(['policy', 'keyTtl'], `is ${writeDuration(keyTtl)}${text}`);
  if (capabilities && !capabilities.expiry) {
    wrong(', but the issuer cannot give a key an end (see `expiry` on its page): leave it out');
  }
  const closed = windows ? longestClosed(windows) : 0;
  const least = grace.max + policyBounds.betweenRotations + closed;
  if (keyTtl > least) return;
  const wait = closed > 0 ? ` + ${writeDuration(closed)} in which no window opens` : '';
  wrong(`: expected more than grace.max + 48h${wait} (${writeDuration(least)})`);
}

const knownClosed = new Map<string, Seconds>();

/** The longest time without an open window, in a week in which no clock changes; many credentials share theirs. */
function longestClosed(windows: readonly Window[]): Seconds {
  const key = JSON.stringify(windows);
  const known = knownClosed.get(key) ?? walkTheWeek(windows);
  knownClosed.set(key, known);
  return known;
}

function walkTheWeek(windows: readonly Window[]): Seconds {
  let longest = 0;
  let at = '2026-01-05T00:00:00.000Z';
  const end = plus(at, 7 * 86_400);
  while (at < end) {
    const opens = opensAt(windows, at);
    longest = Math.max(longest, secondsBetween(at, opens));
    at = opens === at ? plus(at, 900) : opens;
  }
  return longest;
}

function checkGraceOutlasts(
  { max, quiet }: Grace,
  { consumers, capabilities }: Surroundings,
  tell: Tell,
): void {
  const waits: readonly (readonly [what: string, Seconds, unless?: string])[] = [
    ['quiet', quiet],
    ...consumers.flatMap(({ name, period }) =>
      period === undefined ? [] : [[`period of ${name}`, period] as const],
    ),
    ["the issuer's createLag", capabilities?.createLag ?? 0],
    ["the issuer's revokeLag", capabilities?.revokeLag ?? 0],
    // It knows of nothing later than that: a shorter grace would be over before any silence is proven.
    ["the issuer's lastUsedLag", capabilities?.lastUsedLag ?? 0, ', unless its block asks for no last use'],
  ];
  for (const [what, seconds, unless = ''] of waits) {
    const least = seconds + policyBounds.beyondSilence;
    if (max >= least) continue;
    tell(
      ['policy', 'grace'],
      `has max ${writeDuration(max)}: expected at least ${writeDuration(least)}, which is ${what} + 1h${unless}`,
    );
  }
}
