/** Makes a Lambda handler of a step's use-case: parses the input, logs, and rethrows what was thrown, unchanged. */
import type { Context, SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { InvalidInput } from '../../lib/rotation/errors.ts';
import type { Ports } from '../../lib/rotation/ports.ts';
import { type StepInput, type StepName, steps } from '../../lib/workflow/steps.ts';
import { enter } from './invocation.ts';
import { logger } from './telemetry.ts';

/**
 * @param connect makes the ports, once per process.
 * @throws InvalidInput when the state machine hands over something that the step's contract does not know.
 */
export function stepHandler<Name extends StepName, Wanted extends Partial<Ports>, Verdict>(
  name: Name,
  useCase: (ports: Wanted, input: StepInput<Name>) => Promise<Verdict>,
  connect: () => Wanted,
): (event: unknown, context: Context) => Promise<Verdict> {
  let connected: Wanted | undefined;
  return async (event, context) => {
    enter(context);
    connected ??= connect();
    const input = parsed(name, event);
    logger.resetKeys();
    logger.appendKeys({ step: name, ...withoutToken(input) });
    logger.info('step begins');
    try {
      const verdict = await useCase(connected, input);
      logger.info('step ends', { verdict });
      return verdict;
    } catch (error) {
      logger.warn('step fails', error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  };
}

/** Who has a task's token can end the task, so it stands in no log. */
function withoutToken(input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { token: _, ...told } = input;
  return told;
}

function parsed<Name extends StepName>(name: Name, event: unknown): StepInput<Name> {
  const result = steps[name].input.safeParse(event);
  if (!result.success) {
    throw new InvalidInput(
      `step ${name} was called with an input that it does not know: ${result.error.message}`,
    );
  }
  return result.data as StepInput<Name>;
}

/** Handles records one by one; what throws is logged and comes again, without holding up the others. */
export async function failedRecords(
  records: readonly SQSRecord[],
  handle: (record: SQSRecord) => Promise<void>,
): Promise<SQSBatchResponse> {
  const failed: string[] = [];
  for (const record of records) {
    try {
      await handle(record);
    } catch (error) {
      logger.warn('record fails', error instanceof Error ? error : new Error(String(error)));
      failed.push(record.messageId);
    }
  }
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
