/** Finds the process at the other end of a loopback connection; reads /proc, so it works on Linux only. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** @returns the pid that owns the socket whose local port is `port`. */
export function processOfPort(port: number): number {
  const socket = `socket:[${inodeOf(port)}]`;
  const pid = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .find((name) => linksOf(`/proc/${name}/fd`).includes(socket));
  if (!pid) throw new Error(`no process owns port ${port}`);
  return Number(pid);
}

/** A line of /proc/net/tcp: number, local address, remote address, state, queues, timers, retransmits, uid, timeout, inode. */
function inodeOf(port: number): string {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  const columns = lines
    .map((line) => line.trim().split(/\s+/))
    .find(([, local]) => local?.endsWith(`:${hex}`));
  if (!columns?.[9]) throw new Error(`no TCP socket has local port ${port}`);
  return columns[9];
}

function linksOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory).map((name) => readlinkSync(`${directory}/${name}`));
  } catch {
    // A process that ended meanwhile, or one that is not ours to look into, owns no socket of this test.
    return [];
  }
}
