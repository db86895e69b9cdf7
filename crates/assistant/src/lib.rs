//! The reference application: an AI assistant for many companies.
//!
//! | module | what |
//! |---|---|
//! | [`settings`] | the whole catalog: who the assistant is, its prompts, models, routes and connections |

pub mod settings;
