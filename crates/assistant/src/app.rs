//! What the assistant is made of: the loader, the ways out, and what it keeps.

mod beside;

use std::fmt;
use std::sync::Arc;

use tenantry::Loader;
use tenantry::token::Tokens;
use tenantry_integrations::bases::Bases;
use tenantry_integrations::egress::Egress;
use tenantry_store::ParameterStore;

use crate::conversations::{Conversations, MemoryConversations};
use crate::files::{Files, MemoryFiles};
use crate::later::{Backlog, Later};
use crate::settings::Settings;

/// The assistant's parts; a clone shares all of them.
#[derive(Clone)]
pub struct App {
    /// Each tenant's configuration.
    pub loader: Loader<Settings>,
    /// Recognises API tokens.
    pub tokens: Tokens,
    /// Tells whose an outside identity is, such as a Slack team.
    pub bindings: Arc<dyn ParameterStore>,
    /// The way out.
    pub egress: Egress,
    /// Where the providers are that all tenants share.
    pub bases: Bases,
    /// What is kept of conversations.
    pub conversations: Arc<dyn Conversations>,
    /// Where attachments are kept.
    pub files: Arc<dyn Files>,
    /// When jobs are done.
    pub later: Later,
    /// Where jobs are written down that are done in this process behind an answer; without one a stop loses them.
    pub backlog: Option<Arc<dyn Backlog>>,
}

impl App {
    /// An assistant at the public providers that forgets its conversations when the process ends.
    pub fn new(loader: Loader<Settings>, tokens: Tokens, bindings: Arc<dyn ParameterStore>, egress: Egress) -> Self {
        Self {
            loader,
            tokens,
            bindings,
            egress,
            bases: Bases::default(),
            conversations: Arc::new(MemoryConversations::default()),
            files: Arc::new(MemoryFiles::default()),
            later: Later::Inline,
            backlog: None,
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("bases", &self.bases)
            .field("conversations", &self.conversations)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
