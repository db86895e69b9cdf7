//! The reference application: an AI assistant for many companies.
//!
//! | module | what |
//! |---|---|
//! | [`settings`] | the whole catalog: who the assistant is, its prompts, models, routes and connections |
//! | [`conversation`] | how a message is answered: route, prompt, model; pure |

pub mod conversation;
pub mod settings;
