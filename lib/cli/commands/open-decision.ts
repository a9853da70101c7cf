/** What an owner can decide about an old key that does not go, and how to say it. */
import type { Choice, GraceFacts, Rotation } from '../../rotation/rotation.ts';

/** Extend and revoke always; a retirement has no key to go back to, and nobody goes back twice. */
export const choicesIn = ({ kind }: Rotation, { leaving }: GraceFacts): readonly Choice[] =>
  kind === 'rotate' && leaving === 'old' ? ['extend', 'revoke', 'roll-back'] : ['extend', 'revoke'];

/** `keyturn decide npm-token extend <duration> | revoke | roll-back` */
export function decideCommand(rotation: Rotation, facts: GraceFacts): string {
  const choices = choicesIn(rotation, facts).map((choice) =>
    choice === 'extend' ? 'extend <duration>' : choice,
  );
  return `keyturn decide ${rotation.credentialId} ${choices.join(' | ')}`;
}

/** Generations of the key that is to end, and of the one that stays; 0 where there is none. */
export function generationsIn(
  { kind, generation, oldGeneration }: Rotation,
  { leaving }: GraceFacts,
): { readonly leaving: number; readonly staying: number } {
  if (leaving === 'new') return { leaving: generation, staying: oldGeneration };
  return { leaving: oldGeneration, staying: kind === 'retire' ? 0 : generation };
}
