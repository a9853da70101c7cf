/** The sweep looks each minute: after this long past its time, something is wrong with it, or with what it started. */
import type { Seconds } from '../usage/instant.ts';

export const sweepPatience: Seconds = 15 * 60;
