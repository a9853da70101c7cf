import { describe, expect, it } from 'vitest';
import { paintIf } from '../../lib/cli/format/colour.ts';
import { printable, printableLines } from '../../lib/cli/format/printable.ts';
import { table } from '../../lib/cli/format/table.ts';

const paint = paintIf(true);

describe('what a terminal may have', () => {
  it('is the colours of keyturn, and those alone', () => {
    for (const text of [paint('blocked'), `a (${paint('active')})`, paint('on new'), 'größer – “x” 🔑'])
      expect(printable(text)).toBe(text);
    expect(printable('\u001b[31mspoof\u001b[39m')).toBe(' [31mspoof [39m');
    expect(printable('\u001b[31mblocked')).toBe(' [31mblocked');
  });

  it.each([
    ['an end of line', 'a\r\nb', 'a  b'],
    ['a title', '\u001b]0;x\u0007', ' ]0;x '],
    ['a C1 command', '\u009b2J', ' 2J'],
    ['a deletion', 'a\u007f\bb', 'a  b'],
    ['another direction of writing', 'a\u202eb\u2066c', 'a b c'],
  ])('is not %s', (_what, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('may have several lines where the text does', () => {
    expect(printableLines('a\u001b\nb')).toBe('a \nb');
  });

  it('leaves the columns of a table where they are', () => {
    expect(
      table(
        ['A', 'B'],
        [
          [paint('ok'), 'x'],
          ['a\tb', 'y'],
        ],
      ),
    ).toEqual(['A    B', `${paint('ok')}   x`, 'a b  y']);
  });
});
