/** The roles that consumers report as, from IAM. */
import { GetRoleCommand, type IAMClient, NoSuchEntityException } from '@aws-sdk/client-iam';
import type { Roles } from '../rotation/ports.ts';
import { callFailure } from './call-failure.ts';

/**
 * A role's unique id is what SQS gives as the sender of its sessions' messages (`AROA…:<session>`), and a role that is
 * deleted and made anew under its name gets another one.
 *
 * @param client tries again by itself when IAM throttles it.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html for `SenderId`
 */
export function iamRoles(client: IAMClient): Roles {
  return {
    async idOf(arn) {
      try {
        const { Role } = await client.send(new GetRoleCommand({ RoleName: bareName(arn) }));
        // IAM looks in this account and by the bare name: it may find a role of another path, or of another account's name.
        return Role?.Arn === arn ? (Role.RoleId ?? null) : null;
      } catch (error) {
        if (error instanceof NoSuchEntityException) return null;
        throw callFailure({ errors, where: `iam:GetRole of ${arn}`, advice }, error);
      }
    },
  };
}

/** Without the path: `arn:aws:iam::123456789012:role/team/api` is called `api`. */
const bareName = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);

/** Nobody decides by them: they only have to be read. */
const errors = { Rejected: Error, Unavailable: Error };

const advice = {
  AccessDenied:
    'keyturn may look at the declared roles of its own account only, so see whether account and path are the real ones, and give `roleId` for a role of another account',
};
