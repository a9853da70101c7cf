/** Everything about one credential, for people: its keys, its rotation, who uses it, what came before. */
import type { Instant } from '../../usage/instant.ts';
import { span } from '../../usage/span.ts';
import type {
  CredentialDetail,
  KeyLine,
  RotationDetail,
  RotationLine,
  TargetLine,
} from '../commands/standing.ts';
import type { Paint } from './colour.ts';
import { consumerTable } from './consumer-table.ts';
import { count } from './count.ts';
import { decisionWords, questionWords } from './decision-words.ts';
import { pairs, section } from './sections.ts';
import { table } from './table.ts';
import { ago, ahead } from './time.ts';

interface Words {
  readonly now: Instant;
  readonly paint: Paint;
}

export function credentialDetail(detail: CredentialDetail, now: Instant, paint: Paint): readonly string[] {
  const words = { now, paint };
  return [
    ...facts(detail, words),
    ...section('Keys', keyTable(detail.keys, words)),
    ...section('Rotation under way', detail.rotation ? rotationFacts(detail.rotation, words) : []),
    ...section('Targets', targetTable(detail.rotation?.targets ?? [], words)),
    ...section('Consumers', consumerTable(detail.consumers, now)),
    ...section('Last rotations', rotationTable(detail.rotations, words)),
  ];
}

function facts(detail: CredentialDetail, { now, paint }: Words): readonly string[] {
  return pairs([
    ['credential', `${detail.id} (${paint(detail.status)})`],
    ['owner', detail.owner],
    ['issuer', detail.issuer],
    ['secret', detail.secret],
    [
      'removed',
      detail.removedAt && `${ago(detail.removedAt, now)}: keyturn.yaml does not declare it any more`,
    ],
    ['paused', detail.pause && `${ago(detail.pause.at, now)} by ${detail.pause.by}: ${detail.pause.reason}`],
    ['failures', detail.failures > 0 ? `${detail.failures} rotations abandoned in a row` : null],
    ['due', detail.dueAt && `${ahead(detail.dueAt, now)} (${detail.dueAt})`],
    ['waits for', detail.waitsFor],
  ]);
}

const keyTable = (keys: readonly KeyLine[], { now, paint }: Words): readonly string[] =>
  table(
    ['GENERATION', 'KEY ID', 'STATUS', 'MADE', 'REVOKED', 'PROOF OF DEATH'],
    keys
      .toReversed()
      .map((key) => [
        key.attempt > 1 ? `${key.generation} (attempt ${key.attempt})` : `${key.generation}`,
        key.keyId,
        paint(key.status),
        ago(key.mintedAt, now),
        key.revokedAt ? ago(key.revokedAt, now) : '-',
        proofOf(key, now),
      ]),
  );

function proofOf({ proof }: KeyLine, now: Instant): string {
  if (!proof) return '-';
  const what = proof.by === 'refusal' ? 'refused' : 'not listed';
  return `${what} ${proof.probes} times in a row, ${ago(proof.lastAt, now)}`;
}

function rotationFacts(rotation: RotationDetail, { now }: Words): readonly string[] {
  const { deadline, extensions, verdict } = rotation;
  const extended = extensions > 0 ? `, extended ${extensions} times` : '';
  return pairs([
    ['rotation', `${rotation.rotationId} (${rotation.kind})`],
    ['phase', `${rotation.phase} (run ${rotation.run}, attempt ${rotation.attempt})`],
    ['asked by', rotation.requestedBy],
    ['started', ago(rotation.startedAt, now)],
    ['promoted', rotation.promotedAt && ago(rotation.promotedAt, now)],
    ['deadline', deadline && `${ahead(deadline, now)} (${deadline}${extended})`],
    ['checks', rotation.checks > 0 ? `${rotation.checks}` : null],
    ['verdict', verdict && `${verdict.outcome}: ${verdict.reason}`],
    ['leaves', rotation.rolledBack ? `generation ${rotation.leaving}: it was rolled back` : null],
    ['question', rotation.question && questionWords(rotation.question, now)],
    ['decision', rotation.decision && decisionWords(rotation.decision, now)],
    ['refused', rotation.refusal],
    ['disabled', rotation.disabledAt && `${ago(rotation.disabledAt, now)}, for a trial`],
    ['missed', missedWords(rotation)],
    ['held by', verdict && verdict.heldBy.length > 0 ? verdict.heldBy.join(', ') : null],
    ['reason', rotation.reason],
  ]);
}

const missedWords = ({ breakages, brokenBy }: RotationDetail): string | null =>
  breakages > 0
    ? `${count(breakages, 'time')} while it was disabled, the last time by ${brokenBy.join(', ')}`
    : null;

function targetTable(targets: readonly TargetLine[], { now, paint }: Words): readonly string[] {
  if (targets.length === 0) return [];
  return table(
    ['TARGET', 'NEW KEY', 'SINCE', 'FAILURES', 'REASON'],
    targets.map(({ target, done, at, failures, reason }) => [
      target,
      paint(done ? 'deployed' : failures > 0 ? 'failing' : 'not yet'),
      at ? ago(at, now) : '-',
      `${failures}`,
      reason ?? '-',
    ]),
  );
}

const rotationTable = (rotations: readonly RotationLine[], { now, paint }: Words): readonly string[] =>
  table(
    ['ROTATION', 'KIND', 'KEY', 'PHASE', 'STARTED', 'TOOK', 'ASKED BY', 'REASON'],
    rotations.map((one) => [
      one.rotationId,
      one.rolledBack ? `${one.kind}, rolled back` : one.kind,
      `${one.generation}`,
      paint(one.phase),
      ago(one.startedAt, now),
      one.seconds === null ? '-' : span(one.seconds),
      one.requestedBy,
      one.reason ?? '-',
    ]),
  );
