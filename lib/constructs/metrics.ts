/** Numbers as alarms and dashboard read them: keyturn's own, by the names that handlers write them under. */
import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { CountName, GaugeName } from '../rotation/ports.ts';
import { metricNamespace, stackDimensions } from '../workflow/metric-address.ts';

/** How often something happened. @param installation the name of the Keyturn. */
export const countOf = (installation: string, metricName: CountName, options: MetricOptions = {}): Metric =>
  own(installation, metricName, { statistic: Stats.SUM, ...options });

/** A value as it was last. @param dimension what tells this gauge from others of its name. */
export const gaugeOf = (
  installation: string,
  metricName: GaugeName,
  dimension: Readonly<Record<string, string>> = {},
  options: MetricOptions = {},
): Metric =>
  own(installation, metricName, { statistic: Stats.MAXIMUM, dimensionsMap: dimension, ...options });

const own = (
  installation: string,
  metricName: string,
  { dimensionsMap, ...options }: MetricOptions,
): Metric =>
  new Metric({
    namespace: metricNamespace,
    metricName,
    period: Duration.minutes(5),
    dimensionsMap: { ...stackDimensions(installation), ...dimensionsMap },
    ...options,
  });
