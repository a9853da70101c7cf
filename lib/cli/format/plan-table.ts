/** Plans as tables for people. */
import type { PlannedStep } from '../../rotation/plan.ts';
import type { Instant } from '../../usage/instant.ts';
import type { PlanLine } from '../commands/plan.ts';
import { table } from './table.ts';
import { ahead } from './time.ts';

/** A step's note stands under what it is about. */
export const planTable = (steps: readonly PlannedStep[]): readonly string[] =>
  table(
    ['STEP', 'WHO', 'EARLIEST', 'LATEST', 'WHAT'],
    steps.flatMap(({ step, who, earliest, latest, what, note }) => [
      [step, who, earliest ? short(earliest) : '-', latest ? short(latest) : '-', what],
      ...(note === undefined ? [] : [['', '', '', '', `(${note})`]]),
    ]),
  );

export const planList = (lines: readonly PlanLine[], now: Instant): readonly string[] =>
  table(
    ['CREDENTIAL', 'KIND', 'STARTS', 'AT', 'WHY'],
    lines.map(({ credential, kind, at, why, held }) => [
      credential,
      kind,
      at === null || held ? '-' : ahead(at, now),
      at ? short(at) : '-',
      held ? `${why}; but ${held}` : why,
    ]),
  );

/** Nobody plans by milliseconds. */
const short = (at: Instant): string => at.replace(/\.\d+Z$/, 'Z');
