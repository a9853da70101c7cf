/** Preloaded into Node children (`--import`): their stdin is a pipe that closes when the parent dies, however it dies. */
import { Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';

// worker threads preload it too, and must not end with a stdin that is not theirs
if (isMainThread) {
  process.stdin.resume();
  process.stdin.once('end', () => process.exit());
  process.stdin.once('error', () => process.exit());
  // a child that has done its work ends by itself, with the pipe still open
  if (process.stdin instanceof Socket) process.stdin.unref();
}
