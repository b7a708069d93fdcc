//! Access logs of a channel: to which log groups they go.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::aws::ApiError;

/// The only log groups that the service may write to start with this.
const LOG_GROUP_PREFIX: &str = "/aws/MediaPackage/";

/// Longest name of a log group.
const LONGEST_LOG_GROUP: usize = 512;

/// Where requests of players are logged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressAccessLogs {
    /// The log group; `/aws/MediaPackage/EgressAccessLogs` if absent.
    pub log_group_name: Option<String>,
}

/// Where requests of encoders are logged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IngressAccessLogs {
    /// The log group; `/aws/MediaPackage/IngressAccessLogs` if absent.
    pub log_group_name: Option<String>,
}

/// What ConfigureLogs sets. It replaces the whole configuration: an absent member switches that log off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigureLogsRequest {
    /// Log of players' requests; an empty object switches it on with its default group.
    pub egress_access_logs: Option<EgressAccessLogs>,
    /// Log of encoders' requests; an empty object switches it on with its default group.
    pub ingress_access_logs: Option<IngressAccessLogs>,
}

impl ConfigureLogsRequest {
    /// The log groups of egress and ingress that are in effect afterwards; `None` is off.
    pub fn log_groups(self) -> Result<(Option<String>, Option<String>), ApiError> {
        let egress = self.egress_access_logs.map(|logs| {
            let name = logs.log_group_name.unwrap_or_else(|| format!("{LOG_GROUP_PREFIX}EgressAccessLogs"));
            check_log_group("egressAccessLogs.logGroupName", name)
        });
        let ingress = self.ingress_access_logs.map(|logs| {
            let name = logs.log_group_name.unwrap_or_else(|| format!("{LOG_GROUP_PREFIX}IngressAccessLogs"));
            check_log_group("ingressAccessLogs.logGroupName", name)
        });
        Ok((egress.transpose()?, ingress.transpose()?))
    }
}

fn check_log_group(member: &str, name: String) -> Result<String, ApiError> {
    let fits = name.len() <= LONGEST_LOG_GROUP
        && name.strip_prefix(LOG_GROUP_PREFIX).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"_-/.#".contains(&letter))
        });
    match fits {
        true => Ok(name),
        false => Err(ApiError::invalid(
            member,
            "a name of up to 512 of the characters a-z A-Z 0-9 _ - / . # that starts with /aws/MediaPackage/",
            name,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::aws::AwsJson;

    fn groups(body: &str) -> Result<(Option<String>, Option<String>), ApiError> {
        AwsJson::<ConfigureLogsRequest>::parse(body.as_bytes())?.0.log_groups()
    }

    #[test]
    fn an_absent_member_is_off_and_an_empty_one_on() {
        assert_eq!(groups("{}").unwrap(), (None, None));
        assert_eq!(
            groups(r#"{"egressAccessLogs":{}}"#).unwrap(),
            (Some("/aws/MediaPackage/EgressAccessLogs".into()), None)
        );
        assert_eq!(
            groups(r#"{"ingressAccessLogs":{"logGroupName":"/aws/MediaPackage/mine"}}"#).unwrap(),
            (None, Some("/aws/MediaPackage/mine".into()))
        );
    }

    #[test]
    fn groups_outside_the_service_are_refused() {
        for name in ["mine", "/aws/MediaPackage/", "/aws/MediaPackage/a b", ""] {
            let error = groups(&format!(r#"{{"egressAccessLogs":{{"logGroupName":"{name}"}}}}"#)).unwrap_err();
            assert!(error.message.starts_with("egressAccessLogs.logGroupName must be"), "{error}");
        }
    }
}
