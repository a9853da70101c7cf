/** The machine's clock. */
import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../rotation/ports.ts';
import { instant } from '../usage/instant.ts';

export const systemClock: Clock = {
  now: () => instant(Date.now()),
  sleep: (seconds) => setTimeout(seconds * 1000),
};
