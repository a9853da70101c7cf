/** Digests and randomness are what the core takes them for. */
import { describe, expect, it } from 'vitest';
import { nodeDigests } from '../../lib/aws/node-digests.ts';
import { testDigests } from '../fakes/test-digests.ts';

describe.each([
  ['Node', nodeDigests],
  ['the twin', testDigests()],
])('digests by %s', (_name, digests) => {
  it('hash text by its UTF-8 bytes', () => {
    expect(digests.sha256('ü')).toBe('607474ca475a9724d7360aba71a56d5df77e61350e3f724cfa1f46e857e2d85f');
  });

  it('hash bytes', () => {
    const abc = new Uint8Array([97, 98, 99]);
    expect(Buffer.from(digests.sha1(abc)).toString('hex')).toBe('a9993e364706816aba3e25717850c26c9cd0d89d');
  });

  it('draw letters and digits of any length, different each time', () => {
    expect(digests.randomText(100)).toMatch(/^[A-Za-z0-9]{100}$/);
    expect(digests.randomText(0)).toBe('');
    expect(digests.randomText(40)).not.toBe(digests.randomText(40));
  });

  it('draw UUIDs, different each time', () => {
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(digests.randomUuid()).toMatch(uuid);
    expect(digests.randomUuid()).not.toBe(digests.randomUuid());
  });
});

it('the twin draws the same in every run', () => {
  expect(testDigests('a').randomUuid()).toBe(testDigests('a').randomUuid());
  expect(testDigests('a').randomUuid()).not.toBe(testDigests('b').randomUuid());
});
