/** What every usage book does, whatever it is made of. */
import { describe, expect, it } from 'vitest';
import type { Presence } from '../../lib/usage/presence.ts';
import { usageShard } from '../../lib/usage/shard.ts';
import type { KnownCredential, UsageBook, UsageRow } from '../../lib/usage/usage-book.ts';

const known: KnownCredential = {
  generations: new Map([
    ['version-one-0000', 1],
    ['version-two-0000', 2],
  ]),
  senders: { mirror: 'AROAMIRROR', nightly: null },
};

/** @param make an empty book in which this credential is registered with these keys and senders. */
export function usageBookContract(
  name: string,
  make: (credentialId: string, known: KnownCredential) => Promise<UsageBook>,
): void {
  const book = () => make('npm-token', known);
  describe(`${name} as a usage book`, () => {
    describe('keeping presence', () => keepsPresence(book));
    describe('counting use', () => countsUse(book));
    describe('summing days', () => sumsDays(book));
    describe('knowing keys', () => knowsKeys(book));
  });
}

type Book = () => Promise<UsageBook>;

function keepsPresence(make: Book): void {
  const kept = async (...rows: readonly Presence[]) => {
    const book = await make();
    for (const row of rows) await book.apply({ presence: [row], usage: [] });
    return book.presence('npm-token');
  };

  it('knows nobody at first', async () => {
    expect(await kept()).toEqual([]);
  });

  it('gives a row back as it was written', async () => {
    const present = aPresence({ lastUse: { 'version-one-0000': use(1) } });
    expect(await kept(present)).toEqual([present]);
  });

  it('puts the processes of a consumer that have left into one row, with the newest of their last uses', async () => {
    const left = { leftAt: '2026-11-21T10:01:00.000Z', lastUse: { 'version-one-0000': use(5) } };
    const latest = {
      seq: 3,
      windowEnd: '2026-11-21T10:04:00.000Z',
      lastSeen: '2026-11-21T10:04:00.500Z',
      leftAt: '2026-11-21T10:04:00.000Z',
      lastUse: { 'version-one-0000': use(2), 'version-two-0000': use(3) },
    };
    const staying = aPresence({ instance: 'three' });
    const others = aPresence({ consumer: 'nightly', instance: 'four', ...left });
    const rows = await kept(
      aPresence({ instance: 'two', ...latest }),
      aPresence({ ...left, seq: 9 }),
      staying,
      others,
    );
    expect(rows).toHaveLength(3);
    expect(rows).toContainEqual(staying);
    expect(rows).toContainEqual({
      ...aPresence(latest),
      instance: '(left)',
      seq: 9,
      holds: [],
      lastUse: { 'version-one-0000': use(5), 'version-two-0000': use(3) },
    });
    expect(rows).toContainEqual({ ...others, instance: '(left)', holds: [] });
  });

  it('gives a process that came back after its goodbye as present', async () => {
    const back = aPresence({ seq: 2 });
    expect(await kept(aPresence({ leftAt: '2026-11-21T10:01:00.000Z' }), back)).toEqual([back]);
  });

  it('takes a newer report, and leaves a late or repeated one', async () => {
    expect(await kept(aPresence({ seq: 2 }), aPresence({ seq: 3, holds: [] }))).toMatchObject([
      { seq: 3, holds: [] },
    ]);
    expect(await kept(aPresence({ seq: 3 }), aPresence({ seq: 2, holds: [] }))).toEqual([
      aPresence({ seq: 3 }),
    ]);
    expect(await kept(aPresence({ seq: 3 }), aPresence({ seq: 3, holds: [] }))).toEqual([
      aPresence({ seq: 3 }),
    ]);
  });

  it('believes the first of two messages with the same report, since the second one took longer', async () => {
    const late = aPresence({
      windowEnd: '2026-11-21T10:01:04.000Z',
      lastSeen: '2026-11-21T10:01:04.500Z',
    });
    expect(await kept(aPresence(), late)).toEqual([aPresence()]);
    expect(await kept(late, aPresence())).toEqual([aPresence()]);
  });

  it('keeps who is a stranger', async () => {
    const stranger = aPresence({ consumer: 'mirror@AROAOTHER', foreign: true, holds: [] });
    expect(await kept(stranger)).toEqual([stranger]);
  });

  it('never moves a last use back, and forgets none', async () => {
    const newer = aPresence({ seq: 2, lastUse: { 'version-two-0000': use(5) } });
    const older = aPresence({ seq: 1, lastUse: { 'version-one-0000': use(3), 'version-two-0000': use(9) } });
    const both = [{ seq: 2, lastUse: { 'version-one-0000': use(3), 'version-two-0000': use(9) } }];
    expect(await kept(older, newer)).toMatchObject(both);
    expect(await kept(newer, older)).toMatchObject(both);
  });

  it('keeps processes, consumers and credentials apart', async () => {
    const rows = [aPresence(), aPresence({ instance: 'two' }), aPresence({ consumer: 'mirror2' })];
    expect(await kept(...rows, aPresence({ credentialId: 'other' }))).toHaveLength(3);
  });

  it('merges what comes at the same time', async () => {
    const book = await make();
    const rows = Array.from({ length: 8 }, (_, i) =>
      aPresence({ seq: i, lastUse: { [`version-${i}`]: use(i) } }),
    );
    await Promise.all(rows.map((row) => book.apply({ presence: [row], usage: [] })));
    const [row] = await book.presence('npm-token');
    expect(row?.seq).toBe(7);
    expect(Object.keys(row?.lastUse ?? {})).toHaveLength(8);
  });
}

function countsUse(make: Book): void {
  const counted = async (...rows: readonly UsageRow[]) => {
    const book = await make();
    for (const row of rows) await book.apply({ presence: [], usage: [row] });
    return book.usage('npm-token', 1);
  };

  it('gives a row back as it was written', async () => {
    expect(await counted(aUsageRow())).toEqual([aUsageRow()]);
  });

  it('takes the counts of the newest report, whatever comes late or twice', async () => {
    const newest = aUsageRow({ seq: 9, ok: 50 });
    expect(
      await counted(aUsageRow({ seq: 8, ok: 40 }), newest, newest, aUsageRow({ seq: 7, ok: 30 })),
    ).toEqual([newest]);
  });

  it('gives the minutes from an instant on, with the one that it lies in', async () => {
    const book = await make();
    const minutes = ['2026-11-20T23:59Z', '2026-11-21T10:41Z', '2026-11-21T10:42Z', '2026-11-21T10:43Z'];
    const usage = minutes.map((minute) => aUsageRow({ minute }));
    await book.apply({ presence: [], usage });
    const since = async (from: string) =>
      (await book.usage('npm-token', 1, from)).map(({ minute }) => minute).sort();
    expect(await since('2026-11-21T10:42Z')).toEqual(minutes.slice(2));
    expect(await since('2026-11-21T10:42:59.999Z')).toEqual(minutes.slice(2));
    expect(await since('2026-11-21T10:44:00.000Z')).toEqual([]);
  });

  it('keeps minutes, processes and generations apart', async () => {
    const rows = [aUsageRow(), aUsageRow({ minute: '2026-11-21T10:43Z' }), aUsageRow({ instance: 'two' })];
    expect(await counted(...rows, aUsageRow({ generation: 2 }))).toHaveLength(3);
  });

  it('writes a large batch whole', async () => {
    const book = await make();
    const usage = Array.from({ length: 100 }, (_, i) => aUsageRow({ instance: `process-${i}` }));
    await book.apply({ presence: [], usage });
    expect(await book.usage('npm-token', 1)).toHaveLength(100);
  });

  it('keeps where calls came from and went to', async () => {
    const row = aUsageRow({ sources: ['0123456789abcdef'], destinations: ['registry.example.com'] });
    expect(await counted(row)).toEqual([row]);
  });

  it('takes the widest times of all reports on a minute, whatever their order', async () => {
    const early = aUsageRow({ seq: 1, firstUsedAt: at(1), lastUsedAt: at(20) });
    const late = aUsageRow({ seq: 2, ok: 30, firstUsedAt: at(2), lastUsedAt: at(50) });
    const both = [{ seq: 2, ok: 30, firstUsedAt: at(1), lastUsedAt: at(50) }];
    expect(await counted(early, late)).toMatchObject(both);
    expect(await counted(late, early)).toMatchObject(both);
  });
}

function sumsDays(make: Book): void {
  const summed = async (...batches: readonly (readonly UsageRow[])[]) => {
    const book = await make();
    for (const usage of batches) await book.apply({ presence: [], usage });
    return book.days('npm-token', '2026-11-01');
  };

  it('sums up the minutes of all processes of a consumer', async () => {
    const rows = [
      aUsageRow(),
      aUsageRow({ instance: 'two', firstUsedAt: at(0), lastUsedAt: at(10) }),
      aUsageRow({ minute: '2026-11-21T10:43Z', lastUsedAt: '2026-11-21T10:43:59.000Z' }),
    ];
    expect(await summed(rows)).toEqual([
      {
        credentialId: 'npm-token',
        generation: 1,
        consumer: 'mirror',
        day: '2026-11-21',
        ok: 30,
        denied: 3,
        firstUsedAt: at(0),
        lastUsedAt: '2026-11-21T10:43:59.000Z',
      },
    ]);
  });

  it('adds what a minute has grown by, and nothing for what comes late or twice', async () => {
    const rows = [[aUsageRow({ seq: 2, ok: 40 })], [aUsageRow()], [aUsageRow({ seq: 2, ok: 40 })]];
    expect(await summed(...rows, [aUsageRow({ seq: 3, ok: 55, denied: 2 })])).toMatchObject([
      { ok: 55, denied: 2 },
    ]);
  });

  it('keeps days, consumers and generations apart', async () => {
    const rows = [
      aUsageRow(),
      aUsageRow({ generation: 2 }),
      aUsageRow({ consumer: 'mirror@AROAOTHER' }),
      aUsageRow({ minute: '2026-11-22T00:00Z' }),
      aUsageRow({ credentialId: 'other' }),
    ];
    const days = await summed(rows);
    expect(days.map(({ day, generation, consumer }) => [day, generation, consumer].join(' ')).sort()).toEqual(
      ['2026-11-21 1 mirror', '2026-11-21 1 mirror@AROAOTHER', '2026-11-21 2 mirror', '2026-11-22 1 mirror'],
    );
  });

  it('gives the days from a date on', async () => {
    const book = await make();
    const minutes = ['2026-11-13T23:59Z', '2026-11-14T00:00Z', '2026-11-21T10:42Z'];
    await book.apply({ presence: [], usage: minutes.map((minute) => aUsageRow({ minute })) });
    const days = await book.days('npm-token', '2026-11-14');
    expect(days.map(({ day }) => day).sort()).toEqual(['2026-11-14', '2026-11-21']);
    expect(await book.days('npm-token', '2026-11-22')).toEqual([]);
  });

  it('is exact when many write at the same time', async () => {
    const book = await make();
    const reports = Array.from({ length: 12 }, (_, i) => [
      aUsageRow({ instance: 'shared', seq: i, ok: 10 * i, lastUsedAt: at(i) }),
      aUsageRow({ instance: `process-${i}`, ok: 100, firstUsedAt: at(i + 1), lastUsedAt: at(i + 2) }),
    ]);
    const twice = [...reports, ...reports.toReversed()];
    await Promise.all(twice.map((usage) => book.apply({ presence: [], usage })));
    expect(await book.days('npm-token', '2026-11-21')).toMatchObject([
      { ok: 12 * 100 + 110, denied: 13, firstUsedAt: at(0), lastUsedAt: at(13) },
    ]);
  });

  it('sums up more minutes than one transaction takes', async () => {
    const book = await make();
    const usage = Array.from({ length: 250 }, (_, i) => aUsageRow({ instance: `process-${i}`, ok: i }));
    await book.apply({ presence: [], usage });
    expect(await book.days('npm-token', '2026-11-21')).toMatchObject([{ ok: (250 * 249) / 2, denied: 250 }]);
  });
}

function knowsKeys(make: Book): void {
  it('names the generation of each version, and who speaks for each consumer', async () => {
    expect(await (await make()).known('npm-token')).toEqual(known);
  });

  it('says when a credential was never registered', async () => {
    expect(await (await make()).known('nobody')).toBeUndefined();
  });
}

/** In the minute of `aUsageRow`. */
const at = (second: number): string => `2026-11-21T10:42:${String(second).padStart(2, '0')}.000Z`;

const use = (second: number): string => `2026-11-21T10:00:0${second}.000Z`;

function aPresence(overrides: Partial<Presence> = {}): Presence {
  return {
    credentialId: 'npm-token',
    consumer: 'mirror',
    instance: 'one',
    seq: 1,
    windowEnd: '2026-11-21T10:01:00.000Z',
    lastSeen: '2026-11-21T10:01:00.500Z',
    leftAt: null,
    holds: ['version-one-0000'],
    lastUse: {},
    ...overrides,
  };
}

function aUsageRow({ instance = 'one', ...overrides }: Partial<UsageRow> = {}): UsageRow {
  return {
    credentialId: 'npm-token',
    generation: 1,
    shard: usageShard('mirror', instance),
    consumer: 'mirror',
    instance,
    minute: '2026-11-21T10:42Z',
    seq: 1,
    ok: 10,
    denied: 1,
    firstUsedAt: at(0),
    lastUsedAt: at(0),
    ...overrides,
  };
}
