/** The audit trail's anchor: one object per announced change, in a bucket that keeps every version it was given. */
import {
  GetObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import * as z from 'zod';
import type { Instant } from '../usage/instant.ts';

/** A change of a credential as the bus was told of it. */
export interface AnchoredChange {
  /** Number of the audit record: 1, 2, 3 …, with gaps where a change was not announced. */
  readonly seq: number;
  /** The audit record's hash, which covers every record before it too. */
  readonly hash: string;
  /** To the second: the bus drops the rest. */
  readonly at: Instant;
  /** Type of the event. */
  readonly type: string;
}

/** Reads what is kept outside the ledger, so that the ledger's trail can be compared with it. */
export interface AuditAnchor {
  /**
   * Every version of every object of a credential, by rising `seq`; deleted ones as well, since a delete only hides
   * them. Two entries with one `seq` and different hashes mean that somebody wrote a second one.
   */
  anchored(credentialId: string): Promise<readonly AnchoredChange[]>;
}

/** Writes the anchor; only record-event does. */
export interface AuditRecorder {
  /**
   * Writes a change once; the same one again is fine.
   *
   * @throws Error when the bucket holds another hash under its number.
   */
  keep(credentialId: string, change: AnchoredChange & Readonly<Record<string, unknown>>): Promise<void>;
}

export interface S3AuditAnchorOptions {
  readonly client: S3Client;
  readonly bucket: string;
}

const anchoredChange = z.object({ seq: z.int(), hash: z.string(), at: z.string(), type: z.string() });

export function s3AuditAnchor({ client, bucket: Bucket }: S3AuditAnchorOptions): AuditAnchor & AuditRecorder {
  const read = async (Key: string, VersionId?: string): Promise<AnchoredChange> => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
    return anchoredChange.parse(JSON.parse((await Body?.transformToString()) ?? ''));
  };

  /** @returns false when there is an object of this name; the bucket's policy refuses writes that don't ask. */
  const putNew = async (Key: string, Body: string): Promise<boolean> => {
    try {
      await client.send(
        new PutObjectCommand({ Bucket, Key, Body, ContentType: 'application/json', IfNoneMatch: '*' }),
      );
      return true;
    } catch (error) {
      if (isThereAlready(error)) return false;
      throw error;
    }
  };

  return {
    async keep(credentialId, change) {
      const Key = keyOf(credentialId, change.seq);
      if (await putNew(Key, JSON.stringify({ credential: credentialId, ...change }))) return;
      const kept = await read(Key);
      if (kept.hash !== change.hash) throw contradiction(credentialId, change, kept);
    },

    async anchored(credentialId) {
      const changes: AnchoredChange[] = [];
      let from: ListObjectVersionsCommandOutput | undefined;
      do {
        from = await client.send(
          new ListObjectVersionsCommand({
            Bucket,
            Prefix: folder(credentialId),
            MaxKeys: readAtOnce,
            KeyMarker: from?.NextKeyMarker,
            VersionIdMarker: from?.NextVersionIdMarker,
          }),
        );
        const page = from.Versions ?? [];
        changes.push(...(await Promise.all(page.map(({ Key = '', VersionId }) => read(Key, VersionId)))));
      } while (from.IsTruncated);
      return changes.sort((a, b) => a.seq - b.seq);
    },
  };
}

/** Objects that are read side by side. */
const readAtOnce = 100;

const folder = (credentialId: string): string => `audit/${credentialId}/`;

/** Twelve digits, so that the order of names is the order of changes. */
const keyOf = (credentialId: string, seq: number): string =>
  `${folder(credentialId)}${String(seq).padStart(12, '0')}.json`;

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
const isThereAlready = (error: unknown): boolean =>
  error instanceof Error && error.name === 'PreconditionFailed';

const contradiction = (credentialId: string, { seq, hash }: AnchoredChange, kept: AnchoredChange): Error =>
  new Error(
    `change ${seq} of ${credentialId} is anchored with hash ${kept.hash}, and an event now gives it hash ${hash}: one of the two is forged; compare both with keyturn history ${credentialId} --verify (docs/alarms.md)`,
  );
