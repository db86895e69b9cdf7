//! What wakes somebody: a function that fails or is throttled, tables that throttle or fail, and any hint that the walls
//! between tenants were touched.

use serde_json::{Value, json};

use super::{Resources, WITH_TOPIC, WITHOUT_ISOLATION, only_if, resource, with};

/// How long a sum of a metric is taken over, in seconds.
const PERIOD: u32 = 300;
/// The operations of DynamoDB that the product calls: `SystemErrors` is told for each apart.
const OPERATIONS: [&str; 8] =
    ["BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem"];

/// A line of the function's log that must never be written. The pattern repeats words of the code; a test holds both together.
struct Sign {
    name: &'static str,
    told: &'static str,
    pattern: &'static str,
}

const SIGNS: [Sign; 2] = [
    Sign {
        name: "AccessDenied",
        told: "AWS refused the function: a permission is missing, or it asked for what is not its tenant's",
        pattern: "{ ($.fields.message = \"*the store denies access*\") || ($.fields.error = \"access to the store is denied*\") }",
    },
    Sign {
        name: "ForeignAnswer",
        told: "An answer of AWS held what belongs to another scope; it was refused, and somebody must find out why",
        pattern: "{ $.fields.message = \"*belongs to another scope*\" }",
    },
];

/// All alarms, with the filters of the log that feed two of them.
pub(super) fn alarms() -> Resources {
    let mut all = vec![
        function_alarm("FunctionErrors", "Errors", "The function failed"),
        function_alarm("FunctionThrottles", "Throttles", "Requests found the function at its concurrency"),
    ];
    for table in ["Configuration", "Log"] {
        all.push(throttle_alarm(table));
        all.push(failure_alarm(table));
    }
    // Where a conversation cannot be kept the message is answered nevertheless, and the log says so.
    all.push(throttle_alarm("Conversations"));
    all.push(undone_alarm());
    all.extend(SIGNS.iter().flat_map(|sign| [filter(sign), sign_alarm(sign)]));
    all
}

fn function_alarm(name: &str, metric: &str, told: &str) -> (String, Value) {
    let dimensions = json!([{"Name": "FunctionName", "Value": {"Ref": "Function"}}]);
    alarm(name, told, &single("AWS/Lambda", metric, &dimensions))
}

fn throttle_alarm(table: &str) -> (String, Value) {
    let dimensions = json!([{"Name": "TableName", "Value": {"Ref": table}}]);
    let parts = ["ReadThrottleEvents", "WriteThrottleEvents"].map(|metric| (metric, dimensions.clone()));
    alarm(&format!("{table}Throttles"), "DynamoDB asked to slow down", &sum("the events", &parts))
}

fn failure_alarm(table: &str) -> (String, Value) {
    let of =
        |operation| json!([{"Name": "TableName", "Value": {"Ref": table}}, {"Name": "Operation", "Value": operation}]);
    let parts = OPERATIONS.map(|operation| ("SystemErrors", of(operation)));
    alarm(&format!("{table}Failures"), "DynamoDB answered with an error of its own", &sum("the errors", &parts))
}

/// A job that was given up: somebody waits for an answer, or for news of an e-mail.
fn undone_alarm() -> (String, Value) {
    let dimensions = json!([{"Name": "QueueName", "Value": {"Fn::GetAtt": ["UndoneJobs", "QueueName"]}}]);
    let measured = single("AWS/SQS", "ApproximateNumberOfMessagesVisible", &dimensions);
    let alarm = alarm("JobsUndone", "Jobs could not be done, and wait to be looked at", &measured);
    with(alarm, json!({"Condition": WITHOUT_ISOLATION}))
}

fn sign_alarm(sign: &Sign) -> (String, Value) {
    alarm(&format!("{}Alarm", sign.name), sign.told, &single(NAMESPACE, sign.name, &json!([])))
}

/// Where the counts of lines in the log stand: a place of its own for each stack.
const NAMESPACE: &str = "Tenantry/${AWS::StackName}";

fn filter(sign: &Sign) -> (String, Value) {
    let properties = json!({
        "LogGroupName": {"Ref": "FunctionLog"},
        "FilterPattern": sign.pattern,
        "MetricTransformations": [{
            "MetricNamespace": {"Fn::Sub": NAMESPACE},
            "MetricName": sign.name,
            "MetricValue": "1",
            "DefaultValue": 0,
        }],
    });
    resource(&format!("{}Filter", sign.name), "AWS::Logs::MetricFilter", &properties)
}

/// An alarm at the first event within five minutes. No data is no news, and so good news.
fn alarm(name: &str, told: &str, measured: &Value) -> (String, Value) {
    let mut properties = json!({
        "AlarmDescription": told,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0,
        "EvaluationPeriods": 1,
        "TreatMissingData": "notBreaching",
        "AlarmActions": only_if(WITH_TOPIC, &json!([{"Ref": "AlarmTopic"}])),
    });
    if let (Some(properties), Some(measured)) = (properties.as_object_mut(), measured.as_object()) {
        properties.extend(measured.clone());
    }
    resource(name, "AWS::CloudWatch::Alarm", &properties)
}

fn single(namespace: &str, metric: &str, dimensions: &Value) -> Value {
    let namespace = if namespace.contains("${") { json!({"Fn::Sub": namespace}) } else { json!(namespace) };
    json!({
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": dimensions,
        "Statistic": "Sum",
        "Period": PERIOD,
    })
}

/// The sum of metrics of DynamoDB. Where nothing happened there is no metric, which counts as zero.
fn sum(label: &str, parts: &[(&str, Value)]) -> Value {
    let mut metrics = vec![json!({"Id": "sum", "Label": label, "Expression": "SUM(METRICS())", "ReturnData": true})];
    metrics.extend(parts.iter().enumerate().map(|(at, (metric, dimensions))| {
        let metric = json!({"Namespace": "AWS/DynamoDB", "MetricName": metric, "Dimensions": dimensions});
        let stat = json!({"Metric": metric, "Stat": "Sum", "Period": PERIOD});
        json!({"Id": format!("m{at}"), "MetricStat": stat, "ReturnData": false})
    }));
    json!({"Metrics": metrics})
}
