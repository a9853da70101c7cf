/** What every usage book does, whatever it is made of. */
import { describe, expect, it } from 'vitest';
import type { Presence } from '../../lib/usage/presence.ts';
import { usageShard } from '../../lib/usage/shard.ts';
import type { Generations, UsageBook, UsageRow } from '../../lib/usage/usage-book.ts';

const generations = new Map([
  ['version-one-0000', 1],
  ['version-two-0000', 2],
]);

/** @param make an empty book in which this credential is registered with these keys. */
export function usageBookContract(
  name: string,
  make: (credentialId: string, generations: Generations) => Promise<UsageBook>,
): void {
  const book = () => make('npm-token', generations);
  describe(`${name} as a usage book`, () => {
    describe('keeping presence', () => keepsPresence(book));
    describe('counting use', () => countsUse(book));
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
    const left = aPresence({ leftAt: '2026-11-21T10:01:00.000Z', lastUse: { 'version-one-0000': use(1) } });
    expect(await kept(left)).toEqual([left]);
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
}

function knowsKeys(make: Book): void {
  it('names the generation of each version', async () => {
    expect(await (await make()).generations('npm-token')).toEqual(generations);
  });

  it('says when a credential was never registered', async () => {
    expect(await (await make()).generations('nobody')).toBeUndefined();
  });
}

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
    firstUsedAt: '2026-11-21T10:42:00.000Z',
    lastUsedAt: '2026-11-21T10:42:30.000Z',
    ...overrides,
  };
}
