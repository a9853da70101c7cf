/** What a person sees while the demo runs, in a terminal and in a log. */
import { describe, expect, it } from 'vitest';
import { viewOn } from '../../local/view.ts';

describe('the view in a terminal', () => {
  it('draws the foot again below each line that stays', () => {
    const { view, written } = viewOnto({ isTTY: true, columns: 80 });
    view.foot(['mirror 1 call']);
    view.say('Begin');
    view.foot(['mirror 2 calls']);
    expect(written).toEqual([
      'mirror 1 call\n',
      '\x1b[1A\x1b[JBegin\nmirror 1 call\n',
      '\x1b[1A\x1b[Jmirror 2 calls\n',
    ]);
  });

  it('cuts a foot that would wrap, also where the terminal does not know its width', () => {
    const narrow = viewOnto({ isTTY: true, columns: 10 });
    narrow.view.foot(['mirror 12 calls']);
    expect(narrow.written).toEqual(['mirror 1…\n']);
    const unknown = viewOnto({ isTTY: true, columns: 0 });
    unknown.view.foot(['mirror 12 calls', '']);
    expect(unknown.written).toEqual(['mirror 12 calls\n\n']);
  });
});

describe('the view in a low terminal', () => {
  it('leaves out the last lines of a foot that is too high to be erased', () => {
    const { view, written } = viewOnto({ isTTY: true, columns: 80, rows: 3 });
    view.foot(['one', 'two', 'three']);
    view.foot([]);
    expect(written).toEqual(['one\ntwo\n', '\x1b[2A\x1b[J']);
  });
});

describe('the paper of the foot', () => {
  it('is as wide as the terminal shows it uncut, and coloured where that has colours', () => {
    const { view, written } = viewOnto({ isTTY: true, columns: 40, hasColors: () => true });
    const { width, colour } = view.paper();
    view.foot(['x'.repeat(width)]);
    expect(written).toEqual([`${'x'.repeat(width)}\n`]);
    expect(colour).toBe(true);
  });

  it('is plain in a log', () => {
    expect(viewOnto({ hasColors: () => true }).view.paper()).toEqual({ width: 80, colour: false });
  });
});

describe('the view in a log', () => {
  it('appends lines, and repeats the foot only now and then', () => {
    const { view, written } = viewOnto({});
    view.foot(['mirror 1 call']);
    view.foot(['mirror 2 calls']);
    view.say('Begin');
    expect(written).toEqual(['mirror 1 call\n', 'Begin\n']);
  });

  it('says how long a part took, and when it failed', async () => {
    const { view, written } = viewOnto({});
    expect(await view.during('deploy', async () => 7)).toBe(7);
    await expect(view.during('rotate', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(written).toEqual(['✔ deploy (0.0 s)\n', '✘ rotate (0.0 s)\n']);
  });
});

interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  readonly hasColors?: () => boolean;
}

function viewOnto(terminal: Screen) {
  const written: string[] = [];
  return { view: viewOn({ ...terminal, write: (text) => written.push(text) }), written };
}
