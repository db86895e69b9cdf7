//! Amazon SQS: puts texts into a queue of the platform.
//!
//! Source: docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html.

use std::time::Duration;

use aws_sdk_sqs::Client;

use crate::aws::{Aws, failed};
use crate::call::CallError;

/// The longest text that a queue takes, in bytes.
pub const LONGEST_MESSAGE: usize = 256 * 1024;

/// A queue; a clone shares its connections.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    url: String,
    attempt: Duration,
}

impl Queue {
    /// The queue at this URL, reached with the caller's own credentials.
    pub fn new(aws: &Aws, url: impl Into<String>) -> Self {
        Self { client: Client::new(aws.config()), url: url.into(), attempt: aws.attempt() }
    }

    /// Puts a text into the queue. When this answers, it is not lost any more.
    pub async fn send(&self, text: &str) -> Result<(), CallError> {
        if text.len() > LONGEST_MESSAGE {
            return Err(CallError::TooLarge { limit: LONGEST_MESSAGE });
        }
        let sent = self.client.send_message().queue_url(&self.url).message_body(text).send().await;
        sent.map(drop).map_err(|error| failed(&error, self.attempt))
    }
}
