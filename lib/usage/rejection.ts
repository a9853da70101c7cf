/** Why parts of a report do not count as they were meant: one reason per message, in words for whoever mends it. */
import type { Seconds } from './instant.ts';
import type { Rejection } from './report.ts';
import { credentialsOf, isTooOld, type KnownCredentials, type ReportMessage } from './report-message.ts';
import { speakerOf } from './speaker.ts';

type Fault = Omit<Rejection, 'messageId'>;

/** The gravest thing that is wrong with a message, and how many others are; undefined when nothing is. */
export function rejectionOf(
  message: ReportMessage,
  known: KnownCredentials,
  countsReach: Seconds,
): Rejection | undefined {
  const [first, ...others] = [
    ...foreign(message, known),
    ...unknownCredentials(message, known),
    ...unknownVersions(message, known),
    ...tooOld(message, known, countsReach),
  ];
  if (!first) return undefined;
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  return { messageId: message.messageId, code: first.code, reason: `${first.reason}${more}` };
}

/** By credential: one report may be foreign to one and not to another. */
function foreign({ report, senderId }: ReportMessage, known: KnownCredentials): readonly Fault[] {
  return credentialsOf(report).flatMap((id) => {
    const credential = known.get(id);
    const speaker = credential && speakerOf(report.consumer, senderId, credential);
    if (speaker?.foreign === undefined) return [];
    const role = credential?.senders[report.consumer];
    const why = role
      ? `its role has the id ${role}: report with that role, or declare the one that it runs as`
      : 'IAM knows no role as it is declared: correct `role` in keyturn.yaml, or give its `roleId`, and deploy again';
    const reason = `consumer ${report.consumer} reports on credential ${id} as ${speaker.foreign}, but ${why}; its uses count as those of ${speaker.consumer}`;
    return { code: 'foreign sender', reason };
  });
}

function unknownCredentials({ report }: ReportMessage, known: KnownCredentials): readonly Fault[] {
  const ids = credentialsOf(report).filter((id) => !known.has(id));
  return ids.map((id) => ({
    code: 'unknown credential',
    reason: `credential ${id} is not registered: consumer ${report.consumer} reports on it`,
  }));
}

function unknownVersions({ report }: ReportMessage, known: KnownCredentials): readonly Fault[] {
  const strangers = new Map(
    report.keys
      .filter(({ credential, versionId }) => known.get(credential)?.generations.has(versionId) === false)
      .map(({ credential, versionId }) => [versionId, credential]),
  );
  return [...strangers].map(([versionId, credential]) => ({
    code: 'unknown version',
    reason: `version ${versionId} is no key of credential ${credential}: consumer ${report.consumer} has used it`,
  }));
}

function tooOld(message: ReportMessage, known: KnownCredentials, countsReach: Seconds): readonly Fault[] {
  const { keys, consumer, sentAt } = message.report;
  const late = keys.filter(
    (use) => known.get(use.credential)?.generations.has(use.versionId) && isTooOld(message, use, countsReach),
  );
  return late.map(({ credential, minute }) => ({
    code: 'too old',
    reason: `the counts of minute ${minute} on credential ${credential} are too old in the report of ${sentAt} by consumer ${consumer}: only their last use counts`,
  }));
}
