/** The issuer of access keys of one IAM user. Its calls are made with the rights of the step's role, so it has no admin secret. */
import * as z from 'zod';
import type { Need } from '../plug-ins/need.ts';
import { IssuerRejected } from '../rotation/errors.ts';
import type { Capabilities, Issuer } from '../rotation/ports.ts';
import { defineIssuer } from './define-issuer.ts';
import { durationText, secondsOf } from './durations.ts';

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html inactive keys count */
const keysPerUser = 2;

const upToTenMinutes = durationText({ min: '0s', max: '10m' });

/** For users whose last use is too late to wait for, or is nobody's business. */
const notAsked = 'none';

const block = z.strictObject({
  type: z.literal('aws-iam'),
  /** The user's path and name. One block is one user: its keys are what the issuer lists. */
  user: z.string().regex(/^\/([\w+=,.@-]+\/)*[\w+=,.@-]{1,64}$/, {
    error: 'expected the path and name of an IAM user, such as /keyturn/billing-agent',
  }),
  /** Nobody but this installation makes keys of this user. */
  exclusive: z.boolean().default(false),
  /**
   * Until a created key is accepted, and listed, everywhere. AWS gives no figure; 10 to 15 s have been seen.
   * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
   * @see https://github.com/aws/aws-sdk-js/issues/559
   * @see https://github.com/cert-manager/aws-privateca-issuer/pull/408
   */
  createLag: upToTenMinutes.default('15s'),
  /** Until a deleted or inactive key is refused, and a deleted one unlisted, everywhere. As for `createLag`. */
  revokeLag: upToTenMinutes.default('15s'),
  /**
   * Until a use of a key shows at iam:GetAccessKeyLastUsed; `none`: never ask. AWS gives no figure for keys; of a user's
   * activity it says "usually within four hours".
   * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateServiceLastAccessedDetails.html
   */
  lastUsedLag: z.union([z.literal(notAsked), durationText({ min: '0s', max: '7d' })]).default('4h'),
  /** Answers in a row that make a proof. */
  probes: z.int().min(2).max(20).default(3),
});

type AwsIamBlock = z.output<typeof block>;

/** Access keys have no name, tag or end, so a lost one is found by comparing lists. */
export const awsIam = defineIssuer({
  type: 'aws-iam',
  config: block,
  permissions: ({ user, lastUsedLag }) => {
    const may = (...actions: readonly string[]): readonly Need[] => [
      { kind: 'iam', actions, resources: [`arn:\${Partition}:iam::\${Account}:user${user}`] },
    ];
    return {
      // A create that finds no room lists the keys, to name them.
      create: may('iam:CreateAccessKey', 'iam:ListAccessKeys'),
      list: may('iam:ListAccessKeys'),
      // sts:GetCallerIdentity, with the key itself: it needs no right, and no policy can deny it.
      probe: [],
      lastUse: lastUsedLag === notAsked ? [] : may('iam:GetAccessKeyLastUsed'),
      disable: may('iam:UpdateAccessKey'),
      revoke: may('iam:DeleteAccessKey'),
    };
  },
  capabilities: capabilitiesOf,
  // IAM tells users apart by name alone, whatever their path, and takes names that differ in case for one.
  account: (found) => userNameOf(found).toLowerCase(),
  connect: (found, world) => ({
    capabilities: capabilitiesOf(found),
    ...world.accessKeys(userNameOf(found)),
    ...(found.lastUsedLag === notAsked && { lastUse: refuseLastUse }),
  }),
});

const refuseLastUse: Issuer['lastUse'] = async () => {
  throw new IssuerRejected(
    `this issuer is not asked when keys are used: its block has lastUsedLag: ${notAsked}`,
  );
};

/** What IAM's calls take: the name without the path. Names are unique in an account, whatever their path. */
const userNameOf = ({ user }: Pick<AwsIamBlock, 'user'>): string => user.slice(user.lastIndexOf('/') + 1);

function capabilitiesOf(found: AwsIamBlock): Capabilities {
  const { exclusive, createLag, revokeLag, lastUsedLag, probes } = found;
  return {
    create: 'api',
    maxLiveKeys: keysPerUser,
    named: false,
    list: true,
    disable: true,
    lastUsedLag: lastUsedLag === notAsked ? null : secondsOf(lastUsedLag),
    // It knows one time for calls that were accepted and calls that were not.
    reportsDenied: false,
    expiry: false,
    keyIdInCalls: true,
    exclusive,
    createLag: secondsOf(createLag),
    revokeLag: secondsOf(revokeLag),
    probes,
  };
}
