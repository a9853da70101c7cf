/** Lengths of time as people say them: `12 s`, `4 min`, `3 h`, `41 d`, in steps that still tell two of them apart. */
import type { Seconds } from './instant.ts';

export function span(seconds: Seconds): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return `${whole} s`;
  if (whole < 2 * 3600) return `${Math.floor(whole / 60)} min`;
  return whole < 48 * 3600 ? `${Math.floor(whole / 3600)} h` : `${Math.floor(whole / 86_400)} d`;
}
