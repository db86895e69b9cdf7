//! A program for many companies in twenty lines: each caller is greeted in the words of its own company.
//!
//! ```sh
//! cargo run --example greeter -- schema > greeter.schema.json    # what can be set, for the command line
//! export TENANTRY_STORE=sqlite:greeter.db TENANTRY_CATALOG=greeter.schema.json
//! tenantry init
//! tenantry tenant create acme --name 'Acme Bakery'
//! tenantry -t acme set greeting.text 'Grüß Gott'
//! tenantry -t acme token create --name me                        # prints a token, once
//! cargo run --example greeter                                    # tells where it listens
//! curl -H 'authorization: Bearer tny_…' http://127.0.0.1:3000/
//! ```

use std::io::Write;

use axum::{Extension, Router, routing::get};
use tenantry::{Loader, TenantConfig, TenantLayer, token::Tokens};
use tenantry_core::catalog::Catalog;
use tenantry_store::{OpenOptions, StoreUrl, Stores};

/// The greeter's settings
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Settings {
    /// Greeting
    #[serde(default)]
    greeting: Greeting,
}

/// Greeting
#[derive(Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(default)]
struct Greeting {
    /// Text
    ///
    /// What callers are greeted with.
    text: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("schema") {
        return Ok(serde_json::to_writer_pretty(std::io::stdout(), Catalog::of::<Settings>()?.schema())?);
    }
    let url = StoreUrl::parse(&std::env::var("TENANTRY_STORE")?)?;
    let stores = Stores::open(&url, &OpenOptions::default()).await?;
    let loader = Loader::<Settings>::builder(&stores).build()?;
    let layer = TenantLayer::new(loader, Tokens::open(&stores).await?);
    let address = std::env::var("GREETER_LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    Ok(axum::serve(listener, Router::new().route("/", get(greet)).layer(layer)).await?)
}

async fn greet(Extension(config): Extension<TenantConfig<Settings>>) -> String {
    format!("{}, says {}\n", config.greeting.text, config.tenant())
}
