//! The pure rules of Tenantry: no async, no I/O, no clock, no environment.
//!
//! | stage | type |
//! |---|---|
//! | who and what | [`scope::TenantId`], [`scope::Scope`], [`key::Key`], [`value::Value`] |
//! | what can be configured | [`catalog::Catalog`] |
//! | as stored | [`document::Document`], [`secret::SecretText`] |
//! | one tier | [`layer::Layer`] |
//! | merged | [`resolve::Resolved`], by the one [`resolve::resolve`] |
//! | checked | [`validate::Violation`]s, all at once, by a [`validate::Validator`] |
//! | fit to be served | or its [`usable::Fault`]s, by the one [`usable::verdict`] |
//! | typed | the application's own struct, by [`settings::build`] |
//! | changed | [`change::ChangeSet`] asked for, as by a [`patch::Patch`], [`change::Difference`]s made |

pub mod assemble;
pub mod catalog;
pub mod change;
pub mod document;
pub mod json;
pub mod key;
pub mod layer;
pub mod number;
pub mod patch;
pub mod resolve;
pub mod scope;
pub mod secret;
pub mod settings;
pub mod template;
pub mod usable;
pub mod validate;
pub mod value;
