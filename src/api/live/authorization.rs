//! The secret that a CDN shows to play an endpoint.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rules::{check_arn, check_role_arn};
use crate::api::aws::ApiError;

/// Where the CDN's secret is kept and which role reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorization {
    /// ARN of the secret in Secrets Manager.
    pub cdn_identifier_secret: String,
    /// ARN of the role that may read it.
    pub secrets_role_arn: String,
}

impl Authorization {
    /// Holds the ARNs against their documented forms.
    pub fn validate(&self) -> Result<(), ApiError> {
        check_role_arn("authorization.secretsRoleArn", &self.secrets_role_arn)?;
        check_arn(
            "authorization.cdnIdentifierSecret",
            &self.cdn_identifier_secret,
            "secretsmanager",
            "secret:",
            "arn:aws:secretsmanager:<region>:<account>:secret:<name>",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_arns_have_their_own_form() {
        let role = "arn:aws:iam::123456789012:role/cdn";
        let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:cdn-AbCdEf";
        let authorization = |secret: &str, role: &str| Authorization {
            cdn_identifier_secret: secret.to_owned(),
            secrets_role_arn: role.to_owned(),
        };
        assert!(authorization(secret, role).validate().is_ok());
        assert!(authorization(role, role).validate().unwrap_err().message.contains("cdnIdentifierSecret"));
        assert!(authorization(secret, secret).validate().unwrap_err().message.contains("secretsRoleArn"));
    }
}
