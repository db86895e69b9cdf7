//! `tenantry render`: a prompt as a tenant's model gets it, with the tier of each piece.

use clap::Args;
use tenantry_admin::service::{Rendered, RenderedSpan};
use tenantry_core::key::Key;
use tenantry_core::layer::Tier;
use tenantry_core::resolve::Resolved;
use tenantry_core::template::Context;

use crate::application::{assistants, plain_values};
use crate::input::looks_like_secret;
use crate::output::{Format, Output, Paint, Tone, print};
use crate::session::Session;
use crate::shown;

/// Show a prompt as a tenant's model gets it, with the tier of each piece
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is sent. Pieces from another tier than the template's own are coloured, or marked like
[tenant: Ada] where there are no colours. If anything that is stored cannot be used, nothing is
rendered: the command fails with exit code 4 and names it.

Examples:
  tenantry -t acme render chitchat
  tenantry -t acme render chitchat --user Grace --channel slack
  tenantry -t acme render chitchat --plain > prompt.txt")]
pub(crate) struct Render {
    /// The prompt: its name below `prompts`, or its whole key
    prompt: String,
    /// Who writes the message
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The channel that the message comes by
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// The text alone, without marks
    #[arg(long)]
    plain: bool,
}

impl Render {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let scope = session.global.scope()?;
        let key = prompt_key(session, &self.prompt)?;
        let is_assistant = session.global.catalog.is_none();
        let context = |resolved: &Resolved| self.context(resolved, is_assistant);
        let rendered = session.service.render(&scope, &key, context).await?;
        if self.plain && session.output.format() == Format::Table {
            return print(&rendered.text());
        }
        session.output.show(&rendered, |output| text(&rendered, &shown::scope(&scope), output))
    }

    /// What the application would fill the prompt in with.
    fn context(&self, resolved: &Resolved, is_assistant: bool) -> Result<Context, String> {
        let user = self.user.clone();
        let context = if is_assistant { assistants(resolved, user)? } else { plain_values(resolved, user) };
        Ok(match &self.channel {
            Some(channel) => context.with("channel", channel.as_str()),
            None => context,
        })
    }
}

/// A prompt by its name alone, or by its key.
fn prompt_key(session: &Session, word: &str) -> anyhow::Result<Key> {
    if looks_like_secret(word) {
        // Refuses, and does not repeat it.
        return session.key(word);
    }
    let is_template = |key: &Key| session.catalog().parameter(key).is_some_and(|p| p.template.is_some());
    match Key::parse(&format!("prompts.{word}")) {
        Ok(key) if is_template(&key) => Ok(key),
        Ok(_) | Err(_) => session.key(word),
    }
}

/// A rendered prompt for people.
pub(super) fn text(rendered: &Rendered, scope: &str, output: &Output) -> String {
    let paint = output.paint();
    let own = rendered.origin.tier;
    let key = paint.tone(Tone::Strong, rendered.key.as_str());
    let from = match own {
        Tier::Default => "built in".to_owned(),
        tier => format!("set at tier {} r{}", paint.tier(tier), rendered.origin.revision),
    };
    let body: String = rendered.spans.iter().map(|span| piece(span, own, paint)).collect();
    format!("{key} for {scope}, {from}\n\n{}\n\n{}", body.trim(), legend(rendered, paint))
}

fn piece(span: &RenderedSpan, own: Tier, paint: Paint) -> String {
    let tone = span.tier.map_or(Tone::Warn, Tone::Of);
    if paint.is_on() {
        // Line by line, because terminals and pagers end a colour with its line.
        return span.text.split('\n').map(|line| paint.tone(tone, line)).collect::<Vec<_>>().join("\n");
    }
    match span.tier {
        Some(tier) if tier == own && span.variables.is_empty() => span.text.clone(),
        Some(tier) => format!("[{tier}: {}]", span.text),
        None => format!("[request: {}]", span.text),
    }
}

/// What colours and marks stand for, and what was filled in from where.
fn legend(rendered: &Rendered, paint: Paint) -> String {
    let mut lines = vec![paint.tone(Tone::Dim, "---")];
    if paint.is_on() {
        let tiers = [Tier::Default, Tier::Global, Tier::Tenant].map(|tier| paint.tier(tier));
        lines.push(format!("colours: {}, {}", tiers.join(", "), paint.tone(Tone::Warn, "the request")));
    } else {
        lines.push(format!("unmarked: the template's own text, from tier {}", rendered.origin.tier));
    }
    let mut filled: Vec<(String, String)> = Vec::new();
    for span in rendered.spans.iter().filter(|span| !span.variables.is_empty()) {
        let tier = span.tier.map_or_else(|| paint.tone(Tone::Warn, "request"), |tier| paint.tier(tier));
        let line = (span.variables.join(", "), tier);
        if !filled.contains(&line) {
            filled.push(line);
        }
    }
    lines.extend(filled.into_iter().map(|(variables, tier)| format!("  {variables}: {tier}")));
    lines.join("\n")
}
