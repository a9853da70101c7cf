/** Answers `Rotate Requested`: starts the rotation, or says why not. */
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { answerRequest } from '../lib/workflow/answer-request.ts';
import { withDeadLetters, withExecutions, withRequests, withRotation } from './runtime/connect.ts';
import { failedRecords } from './runtime/handler.ts';

const ports = { ...withRotation(), ...withExecutions(), ...withRequests(), ...withDeadLetters() };

export const handler = (event: SQSEvent): Promise<SQSBatchResponse> =>
  failedRecords(event.Records, (record) => answerRequest(ports, record.body));
