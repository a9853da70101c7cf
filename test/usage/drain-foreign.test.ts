/** Whoever speaks for a consumer without being its role is believed when it says that it uses the key, and no further. */
import { describe, expect, test } from 'vitest';
import { drainVerdict } from '../../lib/usage/drain.ts';
import { aConsumer, anIssuer, aProcess, aQuestion, at, oldVersion } from './drain-question.ts';

const hour = 3600;
const impostor = 'mirror@AROAEXAMPLE';

const foreign = (seen: number, uses: { oldUse?: number; newUse?: number }) =>
  aProcess(impostor, seen, { ...uses, holds: [], foreign: true });

describe('a foreign sender', () => {
  test('holds the key by name for quiet after it has used it', () => {
    const presence = [aProcess('mirror', hour), foreign(hour, { oldUse: hour - 30 })];
    expect(drainVerdict(aQuestion(hour, { presence }))).toMatchObject({
      outcome: 'waiting',
      lastOldUse: at(hour - 30),
      heldBy: [impostor],
      consumers: [
        { consumer: 'mirror', state: 'on new' },
        { consumer: impostor, state: 'on old', lastOldUse: at(hour - 30) },
      ],
      reason: `${impostor} (not the role that is declared) used generation 4 at 10:59:30Z, 30 s ago`,
    });
  });

  test('is gone without a trace when quiet is over, however long it stays away', () => {
    const presence = [aProcess('mirror', hour), foreign(hour - 900, { oldUse: hour - 900 })];
    const verdict = drainVerdict(aQuestion(hour, { presence }));
    expect(verdict).toMatchObject({ outcome: 'drained', consumers: [{ consumer: 'mirror' }] });
    expect(verdict.consumers).toHaveLength(1);
  });

  test('is not waited for when it has only used the new key', () => {
    const presence = [aProcess('mirror', hour), foreign(hour, { newUse: hour })];
    expect(drainVerdict(aQuestion(hour, { presence }))).toMatchObject({ outcome: 'drained' });
  });

  test('is no presence of the consumer that it names', () => {
    const presence = [foreign(hour, { newUse: hour })];
    expect(drainVerdict(aQuestion(hour, { presence }))).toMatchObject({
      outcome: 'waiting',
      heldBy: ['mirror'],
      reason: expect.stringMatching(/^nobody reports on this credential.*mirror has never been seen/),
    });
  });

  test('does not prove that reports get through, so nobody counts as gone by its word', () => {
    const presence = [aProcess('mirror', 60), foreign(3 * hour, { newUse: 3 * hour })];
    expect(drainVerdict(aQuestion(3 * hour, { presence }))).toMatchObject({
      outcome: 'waiting',
      consumers: [{ consumer: 'mirror', state: 'unknown' }],
    });
  });

  test('uses the key in a time that the reports of others have to reach over', () => {
    const use = hour - 910;
    const late = aProcess('mirror', hour, { windowEnd: at(hour - 60) });
    const presence = [late, foreign(hour, { oldUse: use })];
    expect(drainVerdict(aQuestion(hour, { presence }))).toMatchObject({
      outcome: 'waiting',
      reason: 'mirror has reported only up to 10:59:00Z',
    });
  });

  test('has not moved on at the deadline: quiet alone will not do', () => {
    const presence = [aProcess('mirror', 4 * hour), foreign(4 * hour, { oldUse: 4 * hour - 60 })];
    expect(drainVerdict(aQuestion(4 * hour, { presence }))).toMatchObject({
      outcome: 'overdue',
      quietAt: null,
    });
  });
});

describe('a stranger', () => {
  test('does not prove either that reports get through', () => {
    const presence = [aProcess('mirror', 60), aProcess('crawler', 3 * hour)];
    expect(drainVerdict(aQuestion(3 * hour, { presence })).consumers).toMatchObject([
      { consumer: 'mirror', state: 'unknown' },
      { consumer: 'crawler', state: 'on new' },
    ]);
  });

  test('has to move on where the issuer is the only witness', () => {
    const presence = [aProcess('laptop', hour, { holds: [oldVersion] })];
    const question = { declared: [], issuer: anIssuer(), presence };
    expect(drainVerdict(aQuestion(hour, question))).toMatchObject({
      outcome: 'waiting',
      heldBy: ['laptop'],
      reason: 'laptop (not declared) holds generation 4',
    });
  });

  test('that vanished with the old key in memory is lost once declared consumers outlast it by an hour', () => {
    const declared = [aConsumer('mirror')];
    const verdict = (now: number) =>
      drainVerdict(
        aQuestion(now, {
          declared,
          presence: [aProcess('mirror', now), aProcess('laptop', 600, { holds: [oldVersion] })],
        }),
      );
    expect(verdict(600 + 180 + hour)).toMatchObject({ outcome: 'waiting', heldBy: ['laptop'] });
    expect(verdict(600 + 181 + hour)).toMatchObject({ outcome: 'drained' });
  });
});
