//! Recognises texts that look like somebody's secret, so that none is stored where it can be read.

use std::borrow::Cow;

/// How a kind of secret begins, and the least number of characters that follow.
struct Beginning {
    prefix: &'static str,
    least: usize,
    what: &'static str,
}

/// The beginnings that providers document for their credentials.
const BEGINNINGS: [Beginning; 17] = [
    beginning("sk-", 8, "an API key"),
    beginning("sk_live_", 8, "an API key"),
    beginning("rk_live_", 8, "an API key"),
    beginning("csk-", 8, "an API key"),
    beginning("xoxb-", 6, "a Slack token"),
    beginning("xoxp-", 6, "a Slack token"),
    beginning("xoxa-", 6, "a Slack token"),
    beginning("xoxs-", 6, "a Slack token"),
    beginning("xapp-", 6, "a Slack token"),
    beginning("AKIA", 16, "an AWS access key"),
    beginning("ASIA", 16, "an AWS access key"),
    beginning("AIza", 30, "a Google API key"),
    beginning("ghp_", 20, "a GitHub token"),
    beginning("gho_", 20, "a GitHub token"),
    beginning("ghs_", 20, "a GitHub token"),
    beginning("github_pat_", 20, "a GitHub token"),
    beginning("tny_", 16, "an access token"),
];

const fn beginning(prefix: &'static str, least: usize, what: &'static str) -> Beginning {
    Beginning { prefix, least, what }
}

/// The characters after the colon of a Telegram bot's token.
const TELEGRAM_KEY: usize = 35;

/// What kind of secret a text holds, if it looks as if it held one.
pub fn looks_like_secret(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY") {
        return Some("a private key");
    }
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
    text.split(|c| !is_token(c)).find_map(kind_of_word)
}

/// What is shown in the place of a name that looks like a secret. It can be part of a key.
const MASK: &str = "secret-not-shown";

/// A key, or what was given for one, without what looks like a secret in it: that and all behind it is left out.
pub fn masked(key: &str) -> Cow<'_, str> {
    let starts = std::iter::once(0).chain(key.match_indices(['.', '/']).map(|(at, _)| at + 1));
    let secret = |start: &usize| {
        let rest = &key[*start..];
        looks_like_secret(rest.split(['.', '/']).next().unwrap_or(rest)).is_some()
    };
    match starts.into_iter().find(secret) {
        Some(start) => Cow::Owned(format!("{}{MASK}", &key[..start])),
        None if looks_like_secret(key).is_some() => Cow::Borrowed(MASK),
        None => Cow::Borrowed(key),
    }
}

fn kind_of_word(word: &str) -> Option<&'static str> {
    // `api_key:sk-…` and `bot:123:…` are words, too.
    let starts = std::iter::once(0).chain(word.match_indices(':').map(|(at, _)| at + 1));
    starts.into_iter().find_map(|start| kind_of(&word[start..]))
}

fn kind_of(word: &str) -> Option<&'static str> {
    if is_telegram_token(word) {
        return Some("a Telegram bot token");
    }
    let is_one = |known: &&Beginning| word.strip_prefix(known.prefix).is_some_and(|rest| rest.len() >= known.least);
    BEGINNINGS.iter().find(is_one).map(|known| known.what)
}

fn is_telegram_token(word: &str) -> bool {
    word.split_once(':').is_some_and(|(id, key)| {
        let is_id = (6..=12).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        is_id && key.len() >= TELEGRAM_KEY && !key.contains(':')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_known_providers_are_recognised_inside_a_text() {
        for (text, what) in [
            ("sk-proj-abcdef123456", "an API key"),
            ("use key=sk-live-12345678.", "an API key"),
            ("api_key:sk-live-12345678", "an API key"),
            ("xoxb-1234-5678-abc", "a Slack token"),
            ("xapp-1-A012-345", "a Slack token"),
            ("AKIAIOSFODNN7EXAMPLE", "an AWS access key"),
            ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "a GitHub token"),
            ("token 123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc please", "a Telegram bot token"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMII", "a private key"),
        ] {
            assert_eq!(looks_like_secret(text), Some(what), "{text}");
        }
    }

    #[test]
    fn a_secret_in_the_place_of_a_name_is_masked_with_all_behind_it() {
        for (key, shown) in [
            ("persona.name", "persona.name"),
            ("company.facts.sk-live-12345678", "company.facts.secret-not-shown"),
            ("/tenants/0/sk-live-12345678/x", "/tenants/0/secret-not-shown"),
            ("sk-live-12345678.tail", "secret-not-shown"),
            ("", ""),
        ] {
            assert_eq!(masked(key), shown);
        }
        assert_eq!(looks_like_secret(MASK), None);
    }

    #[test]
    fn ordinary_text_is_not_taken_for_a_secret() {
        for text in [
            "",
            "Answer task-oriented questions about disk-space-management.",
            "sk-SK",
            "at 12:30:45, order 123456:A",
            "-----BEGIN CERTIFICATE-----",
            "the risk-averse customer",
            "ASIA and AKIA",
        ] {
            assert_eq!(looks_like_secret(text), None, "{text}");
        }
    }
}
