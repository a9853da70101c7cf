/** The rotation policies that keyturn.yaml can name, and what holds when it names none. */
import type { Declaration, Grace } from '../rotation/credential.ts';
import type { Seconds } from '../usage/instant.ts';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** Grace by the way that consumers get a new key. */
export const gracePresets = {
  /** Pods pick it up by themselves, or at the next restart. */
  kubernetes: { min: hour, max: 4 * hour, quiet: 15 * minute },
  /** Somebody restarts a service. */
  manual: { min: day, max: 2 * day, quiet: 4 * hour },
  /** Somebody carries the key to where no network goes. */
  'air-gapped': { min: 7 * day, max: 14 * day, quiet: day },
} as const satisfies Readonly<Record<string, Grace>>;

export type GracePreset = keyof typeof gracePresets;

export const defaultGrace: GracePreset = 'manual';

/** How often a key is changed when nothing else is said. */
export const defaultRotateEvery: Readonly<Record<Declaration['privilege'], Seconds>> = {
  standard: 90 * day,
  high: 30 * day,
};

/** How long the old key is disabled before it is revoked, where its issuer can. */
export const defaultObserve: Readonly<Record<Declaration['mode'], Seconds>> = {
  production: 30 * minute,
  demo: 2,
};

/** How long uses by the minute stay. */
export const defaultKeep: Seconds = 30 * day;

/** After how long without a report a continuous instance counts as gone. */
export const defaultLostAfter: Readonly<Record<Declaration['mode'], Seconds>> = {
  production: hour,
  demo: 30,
};

/** Between two usage reports of one process. */
export const reportEvery: Readonly<Record<Declaration['mode'], Seconds>> = { production: minute, demo: 1 };

/** What a production policy must keep to, and what every file must. */
export const policyBounds = {
  graceFrom: hour,
  graceTo: 30 * day,
  quietFrom: 5 * minute,
  observeFrom: 5 * minute,
  observeTo: day,
  keepFrom: 15 * day,
  keepTo: 400 * day,
  /** A rotation must be over, with time to ask its owner, before the next begins. */
  betweenRotations: 2 * day,
  /** Grace must outlast what it waits for. */
  beyondSilence: hour,
  /** As long as a client may keep a key without a report (`keepFor`): before that, silence does not mean gone. */
  lostAfterFrom: hour,
} as const;
