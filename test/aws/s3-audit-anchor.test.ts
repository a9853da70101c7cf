/** The anchor's requests, and what it makes of an object that is there already. */
import {
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { s3AuditAnchor } from '../../lib/aws/s3-audit-anchor.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { SENTINEL } from '../support/sentinel.ts';

const s3 = mockClient(S3Client);
const anchor = s3AuditAnchor({ client: new S3Client({ region: 'us-east-1' }), bucket: 'anchor' });
const change = { seq: 7, hash: 'a'.repeat(64), at: '2026-01-02T03:04:05Z', type: 'Key Promoted' };
const Key = 'audit/npm-token/000000000007.json';
const refusal = (name: string) =>
  new S3ServiceException({ name, message: name, $fault: 'client', $metadata: {} });
const body = (content: unknown) => ({
  Body: { transformToString: async () => JSON.stringify(content) } as never,
});

beforeEach(() => {
  s3.reset();
  s3.on(PutObjectCommand).resolves({});
});

describe('keeping a change', () => {
  it('writes one object named by credential and number, on condition that there is none', async () => {
    await anchor.keep('npm-token', { ...change, detail: { rotationId: 'r' } });
    const { Body, ...request } = s3.commandCalls(PutObjectCommand)[0]?.args[0].input ?? {};
    expect(request).toEqual({ Bucket: 'anchor', Key, ContentType: 'application/json', IfNoneMatch: '*' });
    expect(JSON.parse(String(Body))).toEqual({
      credential: 'npm-token',
      ...change,
      detail: { rotationId: 'r' },
    });
    expect(s3.commandCalls(GetObjectCommand)).toHaveLength(0);
  });

  it('finds a redelivered event anchored already', async () => {
    s3.on(PutObjectCommand).rejects(refusal('PreconditionFailed'));
    s3.on(GetObjectCommand, { Bucket: 'anchor', Key }).resolves(body(change));
    await expect(anchor.keep('npm-token', change)).resolves.toBeUndefined();
  });

  it('refuses a second hash under a number, naming both', async () => {
    s3.on(PutObjectCommand).rejects(refusal('PreconditionFailed'));
    s3.on(GetObjectCommand).resolves(body({ ...change, hash: 'b'.repeat(64) }));
    await expect(anchor.keep('npm-token', change)).rejects.toThrow(
      `change 7 of npm-token is anchored with hash ${'b'.repeat(64)}, and an event now gives it hash ${'a'.repeat(64)}`,
    );
  });

  it('passes any other refusal on, so that it is tried again', async () => {
    const conflict = refusal('ConditionalRequestConflict');
    s3.on(PutObjectCommand).rejects(conflict);
    await expect(anchor.keep('npm-token', change)).rejects.toBe(conflict);
  });

  it('refuses to write a secret', async () => {
    const detail = { apiKey: new SecretText(SENTINEL) };
    await expect(anchor.keep('npm-token', { ...change, detail })).rejects.toThrow(TypeError);
    expect(s3.calls()).toHaveLength(0);
  });
});

describe('reading the anchor', () => {
  it('gives every version of every object, page after page, in the order of the changes', async () => {
    const second = 'audit/npm-token/000000000009.json';
    const question = { Bucket: 'anchor', Prefix: 'audit/npm-token/' };
    s3.on(ListObjectVersionsCommand, question).resolves({
      Versions: [{ Key: second, VersionId: 'v1' }],
      IsTruncated: true,
      NextKeyMarker: second,
      NextVersionIdMarker: 'v1',
    });
    s3.on(ListObjectVersionsCommand, { ...question, KeyMarker: second }).resolves({
      Versions: [
        { Key, VersionId: 'v3' },
        { Key, VersionId: 'v2' },
      ],
    });
    s3.on(GetObjectCommand, { Key: second, VersionId: 'v1' }).resolves(body({ ...change, seq: 9 }));
    s3.on(GetObjectCommand, { Key, VersionId: 'v2' }).resolves(body({ ...change, detail: {} }));
    s3.on(GetObjectCommand, { Key, VersionId: 'v3' }).resolves(body({ ...change, hash: 'forged' }));
    expect(await anchor.anchored('npm-token')).toEqual([
      { ...change, hash: 'forged' },
      change,
      { ...change, seq: 9 },
    ]);
  });

  it('gives nothing for a credential of which nothing was announced', async () => {
    s3.on(ListObjectVersionsCommand).resolves({});
    expect(await anchor.anchored('new-token')).toEqual([]);
  });
});
