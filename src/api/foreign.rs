//! Answers for services that this server does not have: errors in the shape that the service's clients read,
//! saying which variable sends the call elsewhere. A client that has only `AWS_ENDPOINT_URL` set sends
//! everything here.

use http::Response;
use http::StatusCode;

use super::aws::ErrorCode;
use super::xml::XmlError;

/// How the clients of a service read errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// JSON with `x-amzn-ErrorType`: most services.
    Json,
    /// One of the XML forms.
    Xml(XmlError),
}

/// How the clients of the service with this signing name read errors.
pub(super) fn dialect(service: &str) -> Dialect {
    match service {
        "s3" | "s3express" | "s3-object-lambda" => Dialect::Xml(XmlError::S3),
        "ec2" => Dialect::Xml(XmlError::Ec2),
        "cloudfront" | "route53" | "s3-control" => Dialect::Xml(XmlError::Rest),
        "sts" => Dialect::Xml(XmlError::Query { namespace: "https://sts.amazonaws.com/doc/2011-06-15/" }),
        "iam" => Dialect::Xml(XmlError::Query { namespace: "https://iam.amazonaws.com/doc/2010-05-08/" }),
        "autoscaling"
        | "cloudformation"
        | "elasticache"
        | "elasticbeanstalk"
        | "elasticloadbalancing"
        | "rds"
        | "redshift"
        | "sns"
        | "cloudsearch"
        | "sdb"
        | "email" => Dialect::Xml(XmlError::Query { namespace: "http://webservices.amazon.com/" }),
        _ => Dialect::Json,
    }
}

/// The environment variable that sends a service's calls elsewhere: made of the service id, which is not
/// always the signing name.
pub(super) fn endpoint_variable(service: &str) -> String {
    let id = match service {
        "autoscaling" => "AUTO_SCALING",
        "aps" => "AMP",
        "cognito-idp" => "COGNITO_IDENTITY_PROVIDER",
        "cognito-identity" => "COGNITO_IDENTITY",
        "cloudcontrolapi" => "CLOUDCONTROL",
        "elasticfilesystem" => "EFS",
        "elasticloadbalancing" => "ELASTIC_LOAD_BALANCING_V2",
        "elasticmapreduce" => "EMR",
        "email" | "ses" => "SES",
        "es" => "ELASTICSEARCH_SERVICE",
        "events" => "EVENTBRIDGE",
        "logs" => "CLOUDWATCH_LOGS",
        "monitoring" => "CLOUDWATCH",
        "route53" => "ROUTE_53",
        "secretsmanager" => "SECRETS_MANAGER",
        "servicediscovery" => "SERVICEDISCOVERY",
        "states" => "SFN",
        "tagging" => "RESOURCE_GROUPS_TAGGING_API",
        other => return format!("AWS_ENDPOINT_URL_{}", other.to_ascii_uppercase().replace(['-', '.'], "_")),
    };
    format!("AWS_ENDPOINT_URL_{id}")
}

/// The sentence for a service that this server does not have.
pub(super) fn sentence(service: &str) -> String {
    let variable = endpoint_variable(service);
    match service {
        "mediapackage-vod" | "mediapackagev2" => format!(
            "the API {service} is not built yet: this version of OpenMediaPackage serves mediapackage (live) and sts; \
             set {variable} to use another server for it"
        ),
        _ => format!(
            "this is OpenMediaPackage, which serves mediapackage and sts, not {service}; set {variable} to the server \
             that does"
        ),
    }
}

/// The answer for a service that this server does not have: 501, which SDKs do not retry.
pub(super) fn answer(service: &str, request_id: &str) -> Response<String> {
    super::error_answer(dialect(service), StatusCode::NOT_IMPLEMENTED, code(service), &sentence(service), request_id)
}

fn code(service: &str) -> &'static str {
    match dialect(service) {
        Dialect::Json => ErrorCode::NotImplemented.name(),
        Dialect::Xml(_) => "NotImplemented",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_is_answered_in_its_clients_dialect_with_its_variable() {
        let answer_of = |service| answer(service, "id-1");
        for (service, variable, shape) in [
            ("s3", "AWS_ENDPOINT_URL_S3", "<Error><Code>NotImplemented</Code>"),
            ("iam", "AWS_ENDPOINT_URL_IAM", "<ErrorResponse xmlns="),
            ("ec2", "AWS_ENDPOINT_URL_EC2", "<Response><Errors>"),
            ("logs", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "{\"__type\":\"NotImplementedException\""),
            ("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "\"message\""),
            ("mediapackage-vod", "AWS_ENDPOINT_URL_MEDIAPACKAGE_VOD", "not built yet"),
            ("mediapackagev2", "AWS_ENDPOINT_URL_MEDIAPACKAGEV2", "not built yet"),
        ] {
            let answer = answer_of(service);
            assert_eq!(answer.status(), StatusCode::NOT_IMPLEMENTED);
            assert!(answer.body().contains(variable), "{service}: {}", answer.body());
            assert!(answer.body().contains(shape), "{service}: {}", answer.body());
            assert!(!answer.body().to_lowercase().contains("html"));
        }
    }
}
