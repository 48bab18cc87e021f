/*
 * Credentials: where AWS credentials, region and endpoints come from, as the AWS SDKs look for them.
 *
 * In order: environment (AWS_ACCESS_KEY_ID …; a partial set is an error), web identity
 * (AWS_WEB_IDENTITY_TOKEN_FILE), the profile of the shared files (static keys, role_arn with source_profile
 * or credential_source, sso, credential_process, web_identity_token_file), container (ECS, EKS Pod Identity),
 * instance metadata (IMDSv2 only). A profile that the project names comes before the environment, as with the
 * SDKs; one that AWS_PROFILE names does not, and either ends the search. A source that is configured and
 * fails is an error that names it; the next one is not tried.
 *
 * Temporary ones are renewed 15 minutes before they expire (half-way, where they are good for less than 30);
 * where that fails they are used until 10 minutes before (a third of the way). Secrets live in memory that is
 * excluded from core dumps and wiped on release; no error or log has them. One provider may be used by
 * several threads.
 *
 * AWS SDKs and Tools Reference Guide, "Standardized credential providers" and "Service-specific endpoints".
 */
#ifndef LH_NET_CREDENTIALS_H
#define LH_NET_CREDENTIALS_H

#include "net/settings.h"
#include "net/sigv4.h"

struct lh_aws_provider;

/* `failure` is the status of errors. Touches nothing yet but the shared files. */
lh_status lh_aws_provider_open(const struct lh_aws_settings *settings, lh_status failure,
                               struct lh_aws_provider **out, struct lh_error *err) LH_WARN_UNUSED;
void lh_aws_provider_free(struct lh_aws_provider *provider);

/* Copies of the current credentials, in `arena`, whose owner wipes it by lh_aws_credentials_wipe before it is
 * cleared. No source at all: an error of class LH_ERROR_CLASS_CREDENTIALS that lists what was looked for. */
lh_status lh_aws_provider_get(struct lh_aws_provider *provider, struct lh_arena *arena,
                              struct lh_aws_credentials *out, struct lh_error *err) LH_WARN_UNUSED;
void lh_aws_credentials_wipe(struct lh_aws_credentials *credentials);
/* The secret key alone, once it has signed: it then is "". */
void lh_aws_credentials_wipe_secret(struct lh_aws_credentials *credentials);
/* After the service called them expired: the next get asks the source again. */
void lh_aws_provider_expire(struct lh_aws_provider *provider);
/* Where they come from, for messages: "environment variables", "profile prod (credential_process)", "instance
 * metadata, role lake". "no source" before the first get. */
const char *lh_aws_provider_source(const struct lh_aws_provider *provider);

/* The region: settings, AWS_REGION, AWS_DEFAULT_REGION, the profile. NULL where none says. Lives as long as
 * the provider. */
const char *lh_aws_provider_region(const struct lh_aws_provider *provider);
/* The endpoint URL of a service ("S3", "GLUE", "ATHENA", "STS") where one is configured:
 * AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's services section, its endpoint_url (none with
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS). NULL: the service's own. */
const char *lh_aws_provider_endpoint(const struct lh_aws_provider *provider, const char *service);

#endif
