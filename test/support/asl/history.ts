/**
 * What one execution costs: the transitions that AWS bills and the history events that AWS limits to 25,000.
 * Transitions are states entered, retries and Map iterations.
 *
 * @see https://aws.amazon.com/step-functions/pricing/
 * @see https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
 */

export interface History {
  /** Every event's type, in order. */
  readonly events: readonly string[];
  /** Names of the states that were entered, in order; those of a Map's items as well. */
  readonly entered: readonly string[];
  readonly transitions: number;
}

export interface HistoryBook extends History {
  enter(kind: string, name: string): void;
  exit(kind: string): void;
  note(...events: readonly string[]): void;
  /** A retry, or an iteration of a Map: a transition without a state of its own. */
  step(...events: readonly string[]): void;
}

export function historyBook(): HistoryBook {
  const events: string[] = [];
  const entered: string[] = [];
  let others = 0;
  return {
    events,
    entered,
    get transitions() {
      return entered.length + others;
    },
    enter: (kind, name) => {
      entered.push(name);
      events.push(`${kind}StateEntered`);
    },
    exit: (kind) => void events.push(`${kind}StateExited`),
    note: (...more) => void events.push(...more),
    step: (...more) => {
      others += 1;
      events.push(...more);
    },
  };
}
