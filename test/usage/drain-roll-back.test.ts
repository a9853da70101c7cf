/** A rotation in reverse: the new key leaves, the old one stays, and the words old and new mean what they meant. */
import { describe, expect, test } from 'vitest';
import { drainVerdict } from '../../lib/usage/drain.ts';
import { aConsumer, aProcess, aQuestion, newVersion, oldVersion, rolledBack } from './drain-question.ts';

const hour = 3600;

const verdictOn = (...presence: Parameters<typeof aProcess>[]) =>
  drainVerdict(aQuestion(hour, { ...rolledBack, presence: presence.map((args) => aProcess(...args)) }));

describe('after a roll back', () => {
  test('a consumer that has gone back is on old, and the new key drains', () => {
    const verdict = verdictOn(['mirror', hour, { holds: [oldVersion], oldUse: hour, newUse: 600 }]);
    expect(verdict).toMatchObject({ outcome: 'drained', consumers: [{ state: 'on old' }] });
    expect(verdict.reason).toBe('nobody is on generation 5, which was last used at 10:10:00Z, 50 min ago');
  });

  test('a consumer that never moved has nothing to do', () => {
    const verdict = verdictOn(['mirror', hour, { holds: [oldVersion], oldUse: hour - 1 }]);
    expect(verdict).toMatchObject({ outcome: 'drained', consumers: [{ state: 'on old', lastOldUse: null }] });
  });

  test('whoever is still on the new key holds it, by generation', () => {
    expect(verdictOn(['mirror', hour, { newUse: hour - 180 }])).toMatchObject({
      outcome: 'waiting',
      heldBy: ['mirror'],
      consumers: [{ state: 'on new' }],
      reason: 'mirror used generation 5 at 10:57:00Z, 3 min ago and holds generation 5',
    });
  });

  test('an intermittent consumer has to use the old key once more', () => {
    const declared = [aConsumer('ci', { presence: 'intermittent', period: 1800 })];
    const verdict = (oldUse: number) =>
      drainVerdict(
        aQuestion(hour, { ...rolledBack, declared, presence: [aProcess('ci', hour, { oldUse, holds: [] })] }),
      );
    expect(verdict(-1)).toMatchObject({
      consumers: [{ state: 'unknown' }],
      reason: 'ci has not used generation 4 yet (last seen at 11:00:00Z), so its silence proves nothing',
    });
    expect(verdict(1)).toMatchObject({ outcome: 'drained', consumers: [{ state: 'on old' }] });
  });

  test('a consumer between the two is on both', () => {
    const presence = [
      aProcess('mirror', hour, { holds: [oldVersion] }),
      aProcess('mirror', hour, { instance: 'mirror-2', holds: [newVersion] }),
    ];
    expect(drainVerdict(aQuestion(hour, { ...rolledBack, presence })).consumers).toMatchObject([
      { state: 'both' },
    ]);
  });
});
