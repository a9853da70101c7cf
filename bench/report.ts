/** The bench's figures: in full for people, and the part that is compared from run to run. */

import type { Bill } from './bill.ts';
import type { BundleFigures } from './bundles.ts';
import type { Metering, MeteringFigures } from './metering.ts';
import type { RegisterFigures } from './register.ts';
import { type RotationFigures, worstGraceDays } from './rotation.ts';
import type { StandingBill } from './standing.ts';

export interface Report {
  readonly bundles: readonly BundleFigures[];
  readonly rotation: { readonly healthy: RotationFigures; readonly worst: RotationFigures };
  readonly metering: Metering;
  readonly standing: StandingBill;
  readonly register: RegisterFigures;
}

/** One JSON object of figures that a script can hold against their limits. */
export function summary({ bundles, rotation, metering, standing, register }: Report) {
  const costs = ({ transitions, historyEvents, usd }: RotationFigures) => ({
    transitions,
    historyEvents,
    usd: rounded(usd, 6),
  });
  const { worst, healthy } = rotation;
  return {
    bundles,
    rotation: {
      healthy: costs(healthy),
      worst: { graceDays: worstGraceDays, drainChecks: worst.drainChecks, ...costs(worst) },
    },
    metering: {
      usdPerMillionPacked: rounded(metering.packed.bill.usd, 6),
      usdPerMillionPer100: rounded(metering.per100.bill.usd, 6),
      hottestPartitionWritesPerSecond: rounded(metering.hottest.hottestWritesPerSecond, 1),
    },
    standing: {
      usdPerMonth: rounded(standing.usdPerMonth, 2),
      usdPerCredentialMonth: standing.usdPerCredentialMonth,
    },
    register: {
      credentials: register.credentials,
      seconds: rounded(register.seconds, 1),
      peakMiB: rounded(register.peakMiB, 0),
    },
  };
}

export function table({ bundles, rotation, metering, standing, register }: Report): string {
  return [
    title('Bundles', 'KiB', 'ms to load'),
    ...bundles.map(({ handler, kib, loadMs }) => row(handler, kib.toFixed(0), loadMs.toFixed(0))),
    '',
    ...rotationTable('A healthy rotation', rotation.healthy),
    '',
    ...rotationTable(`The worst, ${worstGraceDays} days of grace`, rotation.worst),
    '',
    ...meteringTable('A million uses, packed', metering.packed),
    '',
    ...meteringTable('A million uses, 100 to a report', metering.per100),
    '',
    title('50,000 uses a second of one key', '', ''),
    row('writes a second, hottest', metering.hottest.hottestWritesPerSecond.toFixed(1), ''),
    '',
    title('By the month', '', 'USD'),
    ...standing.lines.map(({ what, amount, usd }) => row(what, amount, usd.toFixed(2))),
    row('together', '', standing.usdPerMonth.toFixed(2)),
    row('and for each credential', '', standing.usdPerCredentialMonth.toFixed(2)),
    '',
    title('Registration', '', ''),
    row('credentials', register.credentials, ''),
    row('seconds', register.seconds.toFixed(1), ''),
    row('peak MiB', register.peakMiB.toFixed(0), ''),
  ].join('\n');
}

function meteringTable(name: string, { reports, batches, bill }: MeteringFigures): readonly string[] {
  return [
    title(name, '', 'USD'),
    row('reports', reports, ''),
    row('batches', batches, ''),
    ...billRows(bill),
  ];
}

function rotationTable(name: string, figures: RotationFigures): readonly string[] {
  const { drainChecks, transitions, historyEvents } = figures;
  return [
    title(name, '', 'USD'),
    row('drain checks', drainChecks, ''),
    row('transitions', transitions, ''),
    row('history events', historyEvents, ''),
    ...billRows(figures),
  ];
}

const billRows = ({ lines, usd }: Bill): readonly string[] => [
  ...lines.map((line) => row(line.what, amountOf(line.amount), line.usd.toFixed(6))),
  row('together', '', usd.toFixed(6)),
];

const amountOf = (amount: number): string =>
  Number.isInteger(amount) ? String(amount) : amount.toPrecision(3);

const row = (what: string, one: string | number, other: string | number): string =>
  `  ${what.padEnd(28)}${String(one).padStart(12)}${String(other).padStart(14)}`;

const title = (what: string, one: string, other: string): string => row(what, one, other).slice(2);

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
