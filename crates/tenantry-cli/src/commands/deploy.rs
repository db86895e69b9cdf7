//! `tenantry deploy`: what puts a store and the assistant on AWS.

mod template;

use clap::{Args, Subcommand};

use crate::cli::Global;
use crate::output::Output;

/// Put the store and the assistant on AWS
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  tenantry deploy template > template.json
  aws cloudformation deploy --stack-name tenantry --template-file template.json \\
    --capabilities CAPABILITY_IAM --parameter-overrides CodeBucket=BUCKET CodeKey=KEY")]
pub(crate) enum Deploy {
    Template(Template),
}

/// Print the CloudFormation template: tables, roles, function, API, logs and alarms
#[derive(Debug, Args)]
#[command(after_help = "\
It is the same for everybody: what differs is a parameter of the stack. deploy/README.md tells each
step from an empty account to the first tenant.

Examples:
  tenantry deploy template > template.json
  tenantry deploy template -o yaml > template.yaml")]
pub(crate) struct Template {}

impl Deploy {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Template(Template {}) => {
                let template = template::template();
                Output::new(global.output).show(&template, |_| narrow(&template))
            }
        }
    }
}

/// JSON that people can read, indented by one space: CloudFormation takes a template of 51,200 bytes without a bucket.
fn narrow(template: &serde_json::Value) -> String {
    let mut text = Vec::new();
    let narrow = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, narrow);
    serde::Serialize::serialize(template, &mut serializer).expect("a value is JSON");
    String::from_utf8(text).expect("JSON is text")
}
