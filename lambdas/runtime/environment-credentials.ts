/**
 * Where a function of Lambda finds its role's credentials; stands in for the SDK's own search in every bundle
 * (lib/constructs/bundling.ts). With SnapStart they would come from elsewhere; keyturn's functions do not use it.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';
