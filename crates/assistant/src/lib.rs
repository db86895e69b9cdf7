//! The reference application: an AI assistant for many companies.
//!
//! | module | what |
//! |---|---|
//! | [`conversation`] | how a message is answered: route, prompt, model; pure |
//! | [`settings`] | the whole catalog: who the assistant is, its prompts, models, routes and connections |

pub mod conversation;
pub mod settings;
