//! What a receipt holds, what it refuses, and what it tells apart.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tenantry::testing::loader;
use tenantry_core::layer::Tier;

use super::*;

const CANARY: &str = "sk-CANARY-acme-77aa01bc93de";

fn now() -> Timestamp {
    "2026-11-27T00:12:03.987654321Z".parse().unwrap()
}

fn values() -> Json {
    json!({
        "persona": {"name": "Ada", "language": "de"},
        "company": {"name": "Acme"},
        "openai": {"api_key": CANARY, "base_url": "https://llm.acme.example/v1"},
    })
}

async fn config(tenant: &str, values: Json) -> TenantConfig<Settings> {
    let loader = loader::<Settings>([(tenant, values)]).await.unwrap();
    loader.load(&TenantId::parse(tenant).unwrap()).await.unwrap()
}

fn incoming(text: &str) -> Incoming {
    Incoming {
        text: text.to_owned(),
        intent: None,
        channel: Channel::Slack,
        user_name: Some("Grace \"the\" Ü".to_owned()),
        sender: Sender::Member,
        conversation: Some("slack:C1:2.0".to_owned()),
        attachments: Vec::new(),
    }
}

fn receipt_of(config: &TenantConfig<Settings>) -> Receipt {
    let incoming = incoming("CANARY-of-the-message");
    let draft = Draft::new(config, "chitchat", &incoming, now()).unwrap();
    Receipt::of(config, &incoming, "chitchat", &draft, now())
}

/// A receipt of these members, as whoever wants to could make it.
fn forged(change: impl FnOnce(&mut Json), receipt: &Receipt) -> String {
    let mut wire = json!({"format": FORMAT, "receipt": receipt, "check": check_of(receipt)});
    change(&mut wire);
    // The order of the members is that of the struct only where the change went through it.
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(wire.to_string()))
}

#[tokio::test]
async fn a_receipt_says_which_configuration_made_the_answer_and_reads_back() {
    let config = config("acme", values()).await;
    let receipt = receipt_of(&config);
    assert_eq!((receipt.tenant.as_str(), receipt.intent.as_str()), ("acme", "chitchat"));
    assert_eq!((receipt.prompt.as_str(), receipt.channel), ("prompts.chitchat", Channel::Slack));
    assert_eq!((receipt.provider, receipt.model.as_str()), (config.ai.default.provider, &*config.ai.default.model.0));
    assert_eq!(receipt.at.to_string(), "2026-11-27T00:12:03Z");
    assert_eq!(&receipt.revisions, config.revisions());
    assert!(receipt.revisions.tenant_secret.is_some() && !receipt.incarnation.is_empty());
    let text = receipt.to_string();
    assert!(text.starts_with("rcpt_") && text.len() < LONGEST / 10, "{}", text.len());
    assert_eq!(text.parse::<Receipt>().unwrap(), receipt);
    assert_eq!(receipt.incoming().user_name.as_deref(), Some("Grace \"the\" Ü"));
}

#[tokio::test]
async fn neither_a_secret_nor_the_message_is_in_a_receipt() {
    let receipt = receipt_of(&config("acme", values()).await);
    let text = receipt.to_string();
    let json = URL_SAFE_NO_PAD.decode(&text[PREFIX.len()..]).unwrap();
    let shown = format!("{text} {} {receipt:?}", String::from_utf8(json).unwrap());
    for hidden in ["CANARY", "llm.acme.example", "slack:C1"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[tokio::test]
async fn equal_configurations_have_equal_digests_and_others_have_not() {
    let config_of = async |values: Json| config("acme", values).await;
    let first = config_of(values()).await;
    let digests = Digests::of(first.resolved());
    assert_eq!(digests.compare(first.resolved()), Comparison::Exact);
    // Over another store, whose key for fingerprints is another one, the same plain values are the same.
    let plain = || json!({"persona": {"name": "Ada"}});
    assert_eq!(Digests::of(config_of(plain()).await.resolved()), Digests::of(config_of(plain()).await.resolved()));
    let mut other = values();
    other["persona"]["name"] = json!("Eve");
    let compared = digests.compare(config_of(other).await.resolved());
    assert_eq!(compared, Comparison::Differs(vec![Tier::Tenant]));
    assert_eq!(digests.configuration.len(), 64);
    assert_eq!([digests.defaults.len(), digests.global.len(), digests.tenant.len()], [16; 3]);
}

#[tokio::test]
async fn a_value_in_another_tier_is_another_configuration() {
    let set = config("acme", json!({"persona": {"name": Settings::default().persona.name}})).await;
    let unset = config("acme", json!({})).await;
    assert_eq!(set.settings().persona.name, unset.settings().persona.name);
    let compared = Digests::of(set.resolved()).compare(unset.resolved());
    assert_eq!(compared, Comparison::Differs(vec![Tier::Tenant]));
}

#[tokio::test]
async fn a_torn_receipt_is_refused_wherever_it_is_torn() {
    let text = receipt_of(&config("acme", values()).await).to_string();
    for end in PREFIX.len()..text.len() {
        assert_eq!(text[..end].parse::<Receipt>(), Err(NoReceipt::Torn), "{end}");
    }
    for start in 1..PREFIX.len() {
        assert_eq!(text[start..].parse::<Receipt>(), Err(NoReceipt::Beginning));
    }
    for more in ["=", "A", "\n", " ", "AAAA"] {
        assert_eq!(format!("{text}{more}").parse::<Receipt>(), Err(NoReceipt::Torn), "{more:?}");
    }
}

#[tokio::test]
async fn what_is_no_receipt_is_refused_and_not_repeated() {
    let receipt = receipt_of(&config("acme", values()).await);
    let check = |text: &str, expected: &NoReceipt| {
        let error = text.parse::<Receipt>().unwrap_err();
        assert_eq!(&error, expected, "{text}");
        assert!(!error.to_string().contains("CANARY"));
    };
    check("", &NoReceipt::Beginning);
    check(CANARY, &NoReceipt::Beginning);
    check("RCPT_eyJ9", &NoReceipt::Beginning);
    check("rcpt_", &NoReceipt::Torn);
    check("rcpt_CANARY", &NoReceipt::Torn);
    let long = format!("rcpt_{}", "A".repeat(LONGEST));
    check(&long, &NoReceipt::TooLong(long.len()));
    check(&forged(|wire| wire["format"] = json!(2), &receipt), &NoReceipt::Format(2));
    check(&forged(|wire| wire["format"] = json!("1"), &receipt), &NoReceipt::Torn);
    check(&forged(|wire| wire["more"] = json!(1), &receipt), &NoReceipt::Torn);
    check(&forged(|wire| wire["receipt"]["more"] = json!(1), &receipt), &NoReceipt::Torn);
    check(&forged(|wire| wire["receipt"]["tenant"] = json!("../beta"), &receipt), &NoReceipt::Torn);
    check(&forged(|wire| wire["receipt"]["tenant"] = json!("beta"), &receipt), &NoReceipt::Torn);
}

#[tokio::test]
async fn a_tenant_of_the_same_name_has_other_receipts() {
    let (acme, again) = (config("acme", values()).await, config("acme", values()).await);
    assert_ne!(receipt_of(&acme).incarnation, receipt_of(&again).incarnation);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_or_passes_for_a_receipt(text in "(rcpt_)?[A-Za-z0-9_-]{0,80}") {
        prop_assert!(text.parse::<Receipt>().is_err());
    }

    #[test]
    fn one_changed_character_is_noticed(at in 0_usize..400, to in "[A-Za-z0-9_-]") {
        let receipt = Receipt {
            tenant: TenantId::parse("acme").unwrap(),
            incarnation: "0123456789abcdef".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            channel: Channel::Http,
            user_name: None,
            sender: Sender::Member,
            intent: "chitchat".to_owned(),
            prompt: Key::parse("prompts.chitchat").unwrap(),
            provider: Provider::OpenAi,
            model: "m".to_owned(),
            revisions: RevisionVector {
                global: tenantry_core::layer::Revision(1),
                tenant: tenantry_core::layer::Revision(2),
                global_secret: None,
                tenant_secret: None,
            },
            program: "1".to_owned(),
            digests: Digests {
                configuration: "c".to_owned(),
                defaults: "d".to_owned(),
                global: "g".to_owned(),
                tenant: "t".to_owned(),
            },
        };
        let text = receipt.to_string();
        let at = PREFIX.len() + at;
        prop_assume!(at < text.len() && text[at..=at] != to);
        let changed = format!("{}{to}{}", &text[..at], &text[at + 1..]);
        prop_assert!(changed.parse::<Receipt>().is_err());
    }
}
