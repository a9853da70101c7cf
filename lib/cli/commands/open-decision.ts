/** What an owner can decide about an old key that does not go, and how to say it. */
import { type Choice, type GraceFacts, isOnTrial, type Rotation } from '../../rotation/rotation.ts';

/**
 * None where no key waits for its end. A retirement has no key to go back to, nobody goes back twice, and from a trial
 * nobody goes back before `extend` has enabled the key.
 */
export function choicesIn(rotation: Rotation, facts: GraceFacts): readonly Choice[] {
  if (generationsIn(rotation, facts).leaving === 0) return [];
  if (isOut(rotation)) return ['extend', 'revoke'];
  if (rotation.phase !== 'grace') return [];
  return rotation.kind === 'rotate' && facts.leaving === 'old'
    ? ['extend', 'revoke', 'roll-back']
    : ['extend', 'revoke'];
}

/** Whether the leaving key is disabled for a trial, or not enabled again yet. */
export const isOut = (rotation: Rotation): boolean => isOnTrial(rotation) || rotation.phase === 'enabling';

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
