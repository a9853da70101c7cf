/** Real digests with randomness that is the same in every run. */
import { nodeDigests } from '../../lib/aws/node-digests.ts';
import type { Digests } from '../../lib/rotation/ports.ts';

/** @param seed two of one seed give the same texts and ids in the same order. */
export function testDigests(seed = 'test'): Digests {
  let drawn = 0;
  const draw = (): string => nodeDigests.sha256(`${seed}/${drawn++}`);
  return {
    ...nodeDigests,
    randomText: (length) => {
      let text = '';
      while (text.length < length) text += draw();
      return text.slice(0, length);
    },
    randomUuid: () => draw().replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5'),
  };
}
