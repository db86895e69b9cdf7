//! Amazon SQS: puts texts into a queue of the platform.
//!
//! Source: docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;

use crate::aws::{Aws, failed};
use crate::call::{CallError, malformed};

/// The longest text that a queue takes, in bytes, unless it was set to take less. Newer queues take four times as much.
pub const LONGEST_MESSAGE: usize = 256 * 1024;

/// A queue; a clone shares its connections.
#[derive(Clone)]
pub struct Queue {
    client: Client,
    url: String,
    attempt: Duration,
}

impl Queue {
    /// The queue at this URL, reached with the caller's own credentials.
    pub fn new(aws: &Aws, url: impl Into<String>) -> Self {
        Self::by(aws.config(), url.into(), aws.attempt())
    }

    fn by(config: &SdkConfig, url: String, attempt: Duration) -> Self {
        Self { client: Client::new(config), url, attempt }
    }

    /// Puts a JSON text into the queue. When this answers, it is not lost any more; where the answer was lost on its way, it
    /// is there twice. Readers get a text that means the same, in which some characters may be written as escapes.
    pub async fn send(&self, json: &str) -> Result<(), CallError> {
        let text = writable(json);
        if text.len() > LONGEST_MESSAGE {
            return Err(CallError::TooLarge { limit: LONGEST_MESSAGE });
        }
        let sent = self.client.send_message().queue_url(&self.url).message_body(text).send().await;
        let answer = sent.map_err(|error| failed(&error, self.attempt))?;
        // Whatever answers without an id is no queue, and keeps nothing.
        answer.message_id().map(drop).ok_or_else(|| malformed("it names no message"))
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The text without the two characters that JSON may hold and a queue refuses. They can stand within strings alone, where
/// an escape means the same.
fn writable(json: &str) -> Cow<'_, str> {
    if !json.contains(['\u{fffe}', '\u{ffff}']) {
        return Cow::Borrowed(json);
    }
    Cow::Owned(json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff"))
}

#[cfg(test)]
mod tests;
