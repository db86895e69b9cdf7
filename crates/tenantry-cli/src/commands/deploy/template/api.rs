//! The HTTP API in front of the function: every path goes there, and each request leaves one line in a log.
//!
//! It checks no one: the function does, by tokens and signatures. In the tenant isolation mode there is none, because an HTTP
//! API cannot tell Lambda a tenant id.

use serde_json::{Value, json};

use super::function::log_group;
use super::{Resources, WITHOUT_ISOLATION, resource, with};

/// The stage whose paths begin with nothing.
const STAGE: &str = "$default";
/// What a request leaves in the log: nothing that its sender wrote, and so no token.
const ACCESS: [(&str, &str); 7] = [
    ("time", "$context.requestTime"),
    ("request", "$context.requestId"),
    ("method", "$context.httpMethod"),
    ("status", "$context.status"),
    ("bytes", "$context.responseLength"),
    ("milliseconds", "$context.responseLatency"),
    ("integration_error", "$context.integrationErrorMessage"),
];

/// The API, its stage and log, and the permission to call the function.
pub(super) fn api() -> Resources {
    let parts = [
        log_group("ApiLog", "/aws/apigateway/${AWS::StackName}"),
        resource("Api", "AWS::ApiGatewayV2::Api", &itself()),
        resource("ApiIntegration", "AWS::ApiGatewayV2::Integration", &integration()),
        resource("ApiRoute", "AWS::ApiGatewayV2::Route", &route()),
        resource("ApiStage", "AWS::ApiGatewayV2::Stage", &stage()),
        resource("ApiPermission", "AWS::Lambda::Permission", &permission()),
    ];
    parts.into_iter().map(|part| with(part, json!({"Condition": WITHOUT_ISOLATION}))).collect()
}

fn itself() -> Value {
    json!({
        "Name": {"Ref": "AWS::StackName"},
        "Description": "The assistant",
        "ProtocolType": "HTTP",
        "Tags": {"environment": {"Ref": "Environment"}, "managed-by": "tenantry"},
    })
}

fn integration() -> Value {
    json!({
        "ApiId": {"Ref": "Api"},
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": {"Fn::GetAtt": ["Function", "Arn"]},
        "PayloadFormatVersion": "2.0",
        // Milliseconds; the most that an HTTP API waits.
        "TimeoutInMillis": 30_000,
    })
}

fn route() -> Value {
    json!({
        "ApiId": {"Ref": "Api"},
        "RouteKey": "$default",
        "AuthorizationType": "NONE",
        "Target": {"Fn::Sub": "integrations/${ApiIntegration}"},
    })
}

fn stage() -> Value {
    let format: serde_json::Map<_, _> =
        ACCESS.into_iter().map(|(name, variable)| (name.to_owned(), variable.into())).collect();
    let log = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${ApiLog}";
    json!({
        "ApiId": {"Ref": "Api"},
        "StageName": STAGE,
        "AutoDeploy": true,
        "AccessLogSettings": {"DestinationArn": {"Fn::Sub": log}, "Format": Value::Object(format).to_string()},
        "Tags": {"environment": {"Ref": "Environment"}, "managed-by": "tenantry"},
    })
}

fn permission() -> Value {
    json!({
        "FunctionName": {"Ref": "Function"},
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"},
    })
}
