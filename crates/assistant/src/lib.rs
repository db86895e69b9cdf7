//! The reference application: an AI assistant for many companies.
//!
//! | module | what |
//! |---|---|
//! | [`settings`] | the whole catalog: who the assistant is, its prompts, models, routes and connections |
//! | [`conversation`] | how a message is answered: route, prompt, model; pure |
//! | [`reply`] | answers a message: lets `conversation` decide, asks the model |
//! | [`channels`] | the ways by which messages come; [`router`] is the HTTP one |
//! | [`lambda`] | the same router behind Lambda events |

pub mod channels;
pub mod conversation;
pub mod lambda;
mod problem;
pub mod reply;
pub mod settings;

pub use channels::http::router;
