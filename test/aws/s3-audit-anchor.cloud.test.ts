/** The anchor on S3 as it is: what is written once stays, whatever is put on top of it or deleted. */
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { s3AuditAnchor } from '../../lib/aws/s3-audit-anchor.ts';
import { aNewName, sharedCloud } from '../support/shared-cloud.ts';

const cloud = sharedCloud();

async function anAnchor() {
  const client = new S3Client(cloud());
  const bucket = aNewName('anchor');
  await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
  return { client, bucket, anchor: s3AuditAnchor({ client, bucket }) };
}

const change = (seq: number, hash = String(seq).repeat(64)) => ({
  seq,
  hash,
  at: '2026-01-02T03:04:05Z',
  type: 'Key Promoted',
});

describe('the anchor on S3', () => {
  it('holds each change once, in order, however often and in whatever order events come', async () => {
    const { anchor } = await anAnchor();
    for (const seq of [7, 2, 7, 2]) await anchor.keep('npm-token', change(seq));
    await anchor.keep('npm-token-2', change(1));
    expect(await anchor.anchored('npm-token')).toEqual([change(2), change(7)]);
  });

  it('refuses another hash under a number that it knows, and keeps the first', async () => {
    const { anchor } = await anAnchor();
    await anchor.keep('npm-token', change(2));
    await expect(anchor.keep('npm-token', change(2, 'f'.repeat(64)))).rejects.toThrow(
      'one of the two is forged',
    );
    expect(await anchor.anchored('npm-token')).toEqual([change(2)]);
  });

  it('shows what was put on top of an object, and what was deleted', async () => {
    const { client, bucket, anchor } = await anAnchor();
    for (const seq of [2, 3]) await anchor.keep('npm-token', change(seq));
    const Key = (seq: number) => `audit/npm-token/00000000000${seq}.json`;
    const forged = change(2, 'f'.repeat(64));
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: Key(2), Body: JSON.stringify(forged) }));
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: Key(3) }));
    const anchored = await anchor.anchored('npm-token');
    expect(anchored).toHaveLength(3);
    expect(anchored).toEqual(expect.arrayContaining([change(2), forged, change(3)]));
  });
});
