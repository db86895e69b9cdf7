//! The queue of jobs: an event's sender is answered at once, and what it asks for is done when the queue wakes the function.
//!
//! In the tenant isolation mode there is none, because no queue can tell Lambda a tenant id: senders wait there.

use serde_json::{Value, json};
use tenantry_store::policy::queue_permissions;

use super::roles::inline;
use super::{Resources, WITHOUT_ISOLATION, resource, tags, with};

/// How long a job is hidden while it is done, in seconds: AWS asks for six times the function's limit.
const HIDDEN: u32 = 6 * super::function::TIMEOUT;
/// How often a job is begun. A claim of a function that died ends after 300 s, while the job is hidden.
const MOST_RECEIVES: u32 = 5;
/// How long a job waits at the most, in seconds: 4 days. Whoever waits for an answer has given up long before.
const WAITS: u32 = 345_600;
/// How long a job that could not be done is kept, in seconds: 14 days, the longest that SQS keeps anything.
const KEPT: u32 = 1_209_600;

/// The queue, what becomes of jobs that cannot be done, and what wakes the function.
pub(super) fn queue() -> Resources {
    let parts = [
        that_goes("UndoneJobs", &undone()),
        that_goes("Jobs", &jobs()),
        inline("QueuePolicy", "tenantry-queue", "FunctionRole", queue_permissions("${Jobs.Arn}")),
        with(
            resource("JobsWake", "AWS::Lambda::EventSourceMapping", &wake()),
            // Lambda looks whether the function may read the queue when this is made.
            json!({"DependsOn": "QueuePolicy"}),
        ),
    ];
    parts.into_iter().map(|part| with(part, json!({"Condition": WITHOUT_ISOLATION}))).collect()
}

/// A queue that goes with the stack: without the function nobody does its jobs.
fn that_goes(name: &str, properties: &Value) -> (String, Value) {
    let goes = json!({"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"});
    with(resource(name, "AWS::SQS::Queue", properties), goes)
}

fn jobs() -> Value {
    json!({
        "MessageRetentionPeriod": WAITS,
        "VisibilityTimeout": HIDDEN,
        "SqsManagedSseEnabled": true,
        "RedrivePolicy": {
            "deadLetterTargetArn": {"Fn::GetAtt": ["UndoneJobs", "Arn"]},
            "maxReceiveCount": MOST_RECEIVES,
        },
        "Tags": tags(),
    })
}

fn undone() -> Value {
    json!({"MessageRetentionPeriod": KEPT, "SqsManagedSseEnabled": true, "Tags": tags()})
}

/// One job at a time: a model may take most of the time that the function has.
fn wake() -> Value {
    json!({
        "EventSourceArn": {"Fn::GetAtt": ["Jobs", "Arn"]},
        "FunctionName": {"Ref": "Function"},
        "BatchSize": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    })
}
