/** Nothing may be left running, however a run ends. */
import { describe, expect, it } from 'vitest';
import { cleanUp } from '../../local/clean-up.ts';

describe('cleaning up', () => {
  it('stops what was started last first, one after the other, and only once', async () => {
    const stopped: string[] = [];
    const clean = cleanUp();
    for (const name of ['cloud', 'registry', 'consumers']) clean.add(async () => void stopped.push(name));
    await clean.run();
    await clean.run();
    expect(stopped).toEqual(['consumers', 'registry', 'cloud']);
  });

  it('goes on when a part cannot be stopped, and says so in the end', async () => {
    const stopped: string[] = [];
    const clean = cleanUp();
    clean.add(async () => void stopped.push('cloud'));
    clean.add(() => Promise.reject(new Error('stuck')));
    await expect(clean.run()).rejects.toThrow('not everything could be stopped');
    expect(stopped).toEqual(['cloud']);
  });
});
