//! What the demo shows: the question, three answers side by side, one value explained, and what to try.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use tenantry_core::key::Key;
use tenantry_core::layer::Tier;
use tenantry_core::scope::Scope;

use super::Company;
use crate::columns::{Row, beginning, side_by_side};
use crate::commands::explain::lines_of;
use crate::http;
use crate::output::{Paint, Tone};
use crate::session::Session;

/// What every company is asked.
const QUESTION: &str = "When are you open on Saturday?";
/// The route that answers it.
const INTENT: &str = "question_answering";
/// How much of each prompt is shown, in characters.
const PROMPT_SHOWN: usize = 200;
/// The day that the question is about, in the languages of the companies.
const SATURDAY: [&str; 3] = ["Samstag", "sábado", "Saturday"];
/// The width of the side-by-side view where no terminal tells its own.
const WIDTH: usize = 120;

/// How to hear a model.
const REAL_KEY: &str =
    "With a real key (`set openai.api_key`, without an argument: it asks) and without dry_run, the model answers.";

/// What one company gets, as the server told it.
struct Told {
    /// The dry run of the question.
    answer: Value,
    /// The effective configuration with its origins.
    configuration: Value,
}

/// Where the demo takes place.
pub(super) struct Stage<'a> {
    pub(super) session: &'a Session,
    pub(super) server: SocketAddr,
    /// The file of the store.
    pub(super) file: &'a Path,
    /// Whether the store was there before.
    pub(super) was_there: bool,
    /// Whether the server goes on when everything is said.
    pub(super) stays: bool,
}

impl Stage<'_> {
    fn paint(&self) -> Paint {
        self.session.output.paint()
    }

    /// The program and its store, as they are typed.
    fn command(&self) -> String {
        let program = std::env::args_os().next().map_or_else(|| "tenantry".into(), |name| name.display().to_string());
        format!("{program} --store sqlite:{}", self.file.display())
    }
}

/// Asks the server for all companies, and writes what it told.
pub(super) async fn play(stage: &Stage<'_>, companies: &[Company]) -> anyhow::Result<String> {
    let mut told = Vec::new();
    for company in companies {
        told.push(ask(stage.server, company).await.with_context(|| format!("{} got no answer", company.tenant))?);
    }
    let mut page = opening(stage, companies.len());
    let width = stage.session.output.width().unwrap_or(WIDTH);
    let _ = writeln!(page, "{}\n", side_by_side(&rows(companies, &told), width, stage.paint()));
    if let (Some(company), Some(told)) = (companies.first(), told.first()) {
        page.push_str(&explained(stage, company, told).await?);
    }
    if let Some(company) = companies.last() {
        page.push_str(&if stage.stays { to_try(stage, companies, company) } else { to_stay(stage) });
        page.push_str(&more_to_see(stage, company));
    }
    let _ = writeln!(page, "\n{REAL_KEY}");
    Ok(page)
}

async fn ask(server: SocketAddr, company: &Company) -> anyhow::Result<Told> {
    let body = json!({ "text": QUESTION, "intent": INTENT, "dry_run": true });
    let answer = http::post(server, "/assistant/messages", &company.token, &body).await?;
    let path = format!("/v1/tenants/{}/configuration?explain", company.tenant);
    Ok(Told { answer, configuration: http::get(server, &path, &company.token).await? })
}

fn heading(paint: Paint, text: &str) -> String {
    format!("{}\n\n", paint.tone(Tone::Strong, &format!("== {text}")))
}

fn opening(stage: &Stage<'_>, count: usize) -> String {
    let (paint, server) = (stage.paint(), stage.server);
    let made = if stage.was_there { "opened as it was" } else { "made" };
    let mut text = heading(paint, &format!("{count} companies, one program, one question"));
    let _ = writeln!(text, "store   sqlite:{} ({made})\nserver  http://{server}\n", stage.file.display());
    let _ = writeln!(
        text,
        "Each company asks the server {} as a dry run: it answers with exactly the request\n\
         that would go to the model, and sends nothing. The credentials are examples, so no model could be asked.\n",
        paint.tone(Tone::Strong, &format!("\"{QUESTION}\""))
    );
    let tiers = [Tier::Default, Tier::Global, Tier::Tenant].map(|tier| paint.tier(tier));
    let _ = writeln!(text, "In brackets: the tier that a value comes from, {}.\n", tiers.join(" < "));
    text
}

fn rows(companies: &[Company], told: &[Told]) -> Vec<Row> {
    let cells = |cell: &dyn Fn(&Told) -> (String, Tone)| told.iter().map(cell).collect();
    let row = |label: &str, cells| Row { label: label.to_owned(), cells };
    let configured = |key: &'static str| move |told: &Told| configured(&told.configuration, key);
    let chosen = |part: &'static str| move |told: &Told| chosen(&told.answer, part);
    let names = companies.iter().map(|company| (company.name.clone(), Tone::Strong)).collect();
    let ids = companies.iter().map(|company| (company.tenant.to_string(), Tone::Dim)).collect();
    vec![
        row("company", names),
        row("tenant", ids),
        row("persona", cells(&configured("persona.name"))),
        row("language", cells(&configured("persona.language"))),
        row("style", cells(&configured("persona.communication_style"))),
        row("provider", cells(&chosen("provider"))),
        row("model", cells(&chosen("model"))),
        row("temperature", cells(&chosen("temperature"))),
        row("key", cells(&key_origin)),
        row("sent to", cells(&|told| (text(&told.answer["request"]["url"]), Tone::Dim))),
        row("prompt", cells(&chosen("prompt"))),
        row("", cells(&|told| (beginning(&system_prompt(&told.answer), PROMPT_SHOWN), Tone::Dim))),
        row("… it says", cells(&|told| (about_saturday(&told.answer), Tone::Strong))),
    ]
}

/// What the prompt tells the model of the hours of the day that is asked about.
fn about_saturday(answer: &Value) -> String {
    let prompt = system_prompt(answer);
    let has_hours = |line: &&str| line.contains(":00") && SATURDAY.iter().any(|day| line.contains(day));
    let line = prompt.lines().find(has_hours);
    line.map_or_else(|| "nothing".to_owned(), |line| line.trim_start_matches(['-', ' ']).to_owned())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn tier(name: &Value) -> Tier {
    serde_json::from_value(name.clone()).unwrap_or(Tier::Default)
}

/// A value of the configuration, with its tier.
fn configured(configuration: &Value, key: &str) -> (String, Tone) {
    let value = key.split('.').fold(&configuration["values"], |table, name| &table[name]);
    let explained = configuration["explain"].as_array().into_iter().flatten().find(|line| line["key"] == key);
    let tier = explained.map_or(Tier::Default, |line| tier(&line["origin"]["tier"]));
    (format!("{} [{tier}]", text(value)), Tone::Of(tier))
}

/// A choice of the dry run, with its tier; of the prompt its key, because its text follows.
fn chosen(answer: &Value, part: &str) -> (String, Tone) {
    let why = &answer["why"][part];
    let tier = tier(&why["tier"]);
    let value = if part == "prompt" { &why["key"] } else { &why["value"] };
    (format!("{} [{tier}]", text(value)), Tone::Of(tier))
}

/// Whose key would be used: never its text.
fn key_origin(told: &Told) -> (String, Tone) {
    let key = format!("{}.api_key", text(&told.answer["provider"]));
    let secret =
        told.configuration["secrets"].as_array().into_iter().flatten().find(|secret| secret["key"] == key.as_str());
    match secret {
        None => (format!("{key} is not set"), Tone::Bad),
        Some(secret) => {
            let tier = tier(&secret["origin"]["tier"]);
            let owner = if tier == Tier::Tenant { "its own" } else { "the operator's" };
            let print: String = text(&secret["fingerprint"]).chars().take(6).collect();
            (format!("{owner}, fingerprint {print}… [{tier}]"), Tone::Of(tier))
        }
    }
}

fn system_prompt(answer: &Value) -> String {
    text(&answer["request"]["body"]["messages"][0]["content"])
}

/// The choices of one company that the table shows, each with all that it hides.
async fn explained(stage: &Stage<'_>, company: &Company, told: &Told) -> anyhow::Result<String> {
    let scope = Scope::Tenant(company.tenant.clone());
    let resolved = stage.session.service.effective(&scope).await?.resolved;
    let mut page = heading(stage.paint(), &format!("why? for {}", company.name));
    for part in ["model", "provider", "temperature"] {
        // The key that the answer was made from: a task may have one of its own.
        let key = Key::parse(&text(&told.answer["why"][part]["key"]))?;
        let command = format!("{} -t {} explain {key}", stage.command(), company.tenant);
        let _ = writeln!(page, "{}", stage.paint().tone(Tone::Dim, &command));
        for line in lines_of(&scope, &resolved, &key, stage.paint()) {
            page.push_str(&(line + "\n"));
        }
        page.push('\n');
    }
    Ok(page)
}

/// What to type, ready to be copied.
fn to_try(stage: &Stage<'_>, companies: &[Company], company: &Company) -> String {
    let (paint, server, command) = (stage.paint(), stage.server, stage.command());
    let mut page = heading(paint, "change one prompt, and see the next answer change");
    let (tenant, name) = (&company.tenant, &company.name);
    let ask = format!(
        "curl -s http://{server}/assistant/messages \\\n      -H 'authorization: Bearer '$TOKEN -H 'content-type: application/json' \\\n      \
         -d '{{\"text\": \"Hello!\", \"intent\": \"chitchat\", \"dry_run\": true}}' \\\n      \
         | grep -oE '\"content\":\"([^\"\\\\]|\\\\.)*\"' | head -1"
    );
    page.push_str("In another terminal, one token for each company, valid for a day:\n\n");
    for company in companies {
        // They open nothing but this demo, and are made to be copied from here.
        let token = company.token.expose();
        let _ = writeln!(page, "  {}={token}", variable(company));
    }
    let steps = [
        (format!("ask as {name}"), format!("TOKEN=${}; {ask}", variable(company))),
        (
            "change its prompt (the server sees it within two seconds)".to_owned(),
            format!("{command} -t {tenant} set prompts.chitchat 'You are {{{{ persona.name }}}}. Answer in rhyme.'"),
        ),
        ("ask again: the prompt is another one, set at tier tenant".to_owned(), ask),
        (
            "see what was done, and go back".to_owned(),
            format!("{command} -t {tenant} history\n  {command} -t {tenant} restore 1"),
        ),
    ];
    for (number, (what, command)) in steps.iter().enumerate() {
        let _ = writeln!(page, "\n{} {what}\n\n  {command}", paint.tone(Tone::Strong, &format!("{}.", number + 1)));
    }
    page.push('\n');
    page
}

/// How to ask the server, which ends with this demo.
fn to_stay(stage: &Stage<'_>) -> String {
    let title = heading(stage.paint(), "change one prompt, and see the next answer change");
    format!("{title}The server has ended. Run the demo without --once: it stays, and tells how to ask it yourself.\n\n")
}

fn more_to_see(stage: &Stage<'_>, company: &Company) -> String {
    let mut page = format!("{}\n\n", stage.paint().tone(Tone::Strong, "More to see"));
    for command in ["render question_answering", "explain persona", "diff", "validate", "tenant list"] {
        let scope = if command == "tenant list" { String::new() } else { format!(" -t {}", company.tenant) };
        let _ = writeln!(page, "  {}{scope} {command}", stage.command());
    }
    page
}

fn variable(company: &Company) -> String {
    company.tenant.as_str().to_uppercase().replace('-', "_")
}
