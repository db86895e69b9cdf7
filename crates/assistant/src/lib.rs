//! The reference application: an AI assistant for many companies.
//!
//! | module | what |
//! |---|---|
//! | [`settings`] | the whole catalog: who the assistant is, its prompts, models, routes and connections |
//! | [`conversation`] | how a message is answered: route, prompt, model; pure |
//! | [`reply`] | answers a message: lets `conversation` decide, asks the model |
//! | [`channels`] | the ways by which messages come; [`router`] is the HTTP one |
//! | [`lambda`] | the same router behind Lambda events |
//! | [`app`] | what the assistant is made of |
//! | [`verify`] | asks providers whether connections work |
//! | [`tools`] | what a model may look up in the company's own systems |
//! | [`conversations`] | what is kept of conversations: turns, tokens spent, events acted on |
//! | [`files`] | attachments of messages, and where they are kept |
//! | [`later`] | when that is done: at once, behind the answer, or by way of a queue |
//! | [`receipt`] | which configuration made an answer, in one word |
//! | [`job`] | what is left to do for an event once its sender has been answered |
//!
//! What is built in is enough for an assistant that answers: a company adds its name and a key.
//!
//! ```
//! use assistant::conversation::{Channel, Draft, Incoming, Sender};
//! use assistant::settings::Settings;
//!
//! let settings: Settings = serde_json::from_str(r#"{"company": {"name": "Acme"}}"#)?;
//! let incoming = Incoming {
//!     text: "Hi".to_owned(),
//!     intent: None,
//!     channel: Channel::Http,
//!     user_name: None,
//!     sender: Sender::Member,
//!     conversation: None,
//!     attachments: Vec::new(),
//! };
//! let draft = Draft::new(&settings, "chitchat", &incoming, "2026-11-23T17:04:00Z".parse()?)?;
//! assert!(draft.request.messages[0].content.starts_with("You are Ada, the assistant of Acme."));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod app;
pub mod channels;
pub mod conversation;
pub mod conversations;
pub mod files;
pub mod job;
pub mod lambda;
pub mod later;
mod problem;
pub mod receipt;
pub mod reply;
pub mod settings;
pub mod tools;
mod unreadable;
pub mod verify;

pub use channels::router;
