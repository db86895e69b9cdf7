//! API tokens: their text, and finding out whose a token is.
//!
//! A token reads `tny_<id>_<random>`: the id, 16 hexadecimal digits, finds the record; the random part, 64 hexadecimal
//! digits (256 bits), proves it. The store keeps a keyed BLAKE3 hash of the random part and nothing else of it. Scope, role
//! and end are hashed along with it, so that a token cannot be promoted or prolonged by a hand in the store.

mod remembered;

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_store::{ParameterStore, StoreError, Stores, TokenKey, TokenRecord, TokenUse};
use tokio::time::timeout;

use self::remembered::Remembered;

/// What every token begins with, so that scanners of source code and logs know one.
pub(crate) const PREFIX: &str = "tny_";
/// The hexadecimal digits of an id.
const ID_DIGITS: usize = 16;
/// The hexadecimal digits of the random part.
const RANDOM_DIGITS: usize = 64;
/// How old the note of a token's last use may be before it is written again: writing it each time would make a write of
/// every read.
const TOUCH_AFTER_MINUTES: i64 = 1;
/// How long uses of tokens wait for others, to be noted together.
const TOUCH_TOGETHER: Duration = Duration::from_secs(30);
/// How long the store may take before a token that held lately is taken to hold: less than the layer waits in all.
const PATIENCE: Duration = Duration::from_millis(600);

/// A token's text, taken apart.
#[derive(Clone, Debug)]
pub struct TokenText {
    id: String,
    random: SecretText,
}

impl TokenText {
    /// The random bytes that a token is made of: 8 for its id, 32 for its proof.
    pub const RANDOM_BYTES: usize = ID_DIGITS / 2 + RANDOM_DIGITS / 2;

    /// Makes a token of random bytes.
    pub fn from_random(bytes: &[u8; Self::RANDOM_BYTES]) -> Self {
        let (id, random) = bytes.split_at(ID_DIGITS / 2);
        Self { id: hex(id), random: SecretText::new(hex(random)) }
    }

    /// Takes a token's text apart; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, random) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let fits = id.len() == ID_DIGITS && random.len() == RANDOM_DIGITS && is_hex(id) && is_hex(random);
        fits.then(|| Self { id: id.to_owned(), random: SecretText::new(random.to_owned()) })
    }

    /// The id, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The hash that is stored: of the random part, and of what the token may do until when.
    pub fn hash(&self, key: &TokenKey, scope: &Scope, role: &str, expires_at: Timestamp) -> [u8; 32] {
        // No part before the role has a line break in it, so no two grants read alike.
        let (random, end) = (self.random.expose(), expires_at.as_nanosecond());
        let proof = SecretText::new(format!("{random}\n{scope}\n{end}\n{role}"));
        key.hash(&self.id, proof.expose())
    }

    /// Whether a record is this token's, as it was made. Compared in constant time.
    fn proves(&self, record: &TokenRecord, key: &TokenKey) -> bool {
        let hash = self.hash(key, &record.scope, &record.role, record.expires_at);
        blake3::Hash::from(hash) == blake3::Hash::from(record.hash)
    }

    /// The whole text, to be shown once to whoever asked for the token.
    pub fn into_secret(self) -> SecretText {
        SecretText::new(format!("{PREFIX}{}_{}", self.id, self.random.expose()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string never fails");
        text
    })
}

/// Whose a token is, once it was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The token's id.
    pub id: String,
    /// Whose it is: a tenant's, or the operator's (global).
    pub scope: Scope,
    /// The name of its role.
    pub role: String,
    /// What it is for, in its maker's words.
    pub name: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why a token does not hold. None of these shows any of its text.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The text is no token.
    #[error("this is no token: a token reads tny_…")]
    Malformed,
    /// There is no such token, its random part is wrong, or its record was changed in the store.
    #[error("there is no such token")]
    Unknown,
    /// The token's time is over.
    #[error("the token expired at {0}")]
    Expired(Timestamp),
    /// The token was revoked.
    #[error("the token was revoked at {0}")]
    Revoked(Timestamp),
    /// The store does not answer.
    #[error("tokens cannot be checked")]
    Store(#[from] StoreError),
}

/// Finds out whose a token is. Cloning shares the store.
#[derive(Clone)]
pub struct Tokens {
    parameters: Arc<dyn ParameterStore>,
    key: TokenKey,
    remembered: Arc<Remembered>,
    /// When tokens were used, as far as it is to be noted: by their ids.
    unnoted: Arc<Mutex<HashMap<String, Timestamp>>>,
}

impl Tokens {
    /// Opens the tokens of a store.
    pub async fn open(stores: &Stores) -> Result<Self, StoreError> {
        let key = stores.keys().await?.token;
        Ok(Self { parameters: stores.parameters(), key, remembered: Arc::default(), unnoted: Arc::default() })
    }

    /// Finds out whose a token is, for serving an application: while the store does not answer, a token that held within the
    /// last five minutes is taken to hold, so that a short outage of the store is none of the application. What a store that
    /// answers says counts at once.
    pub async fn authenticate_even_in_outages(&self, text: &str, now: Timestamp) -> Result<Authenticated, TokenError> {
        let Some(known) = self.remembered.find(text, now) else { return self.authenticate(text, now).await };
        match timeout(PATIENCE, self.authenticate(text, now)).await {
            Ok(Err(TokenError::Store(error))) if error.is_transient() => Ok(known),
            Ok(answer) => answer,
            Err(_) => Ok(known),
        }
    }

    /// Finds out whose a token is.
    ///
    /// The store is asked each time, so a revoked token is gone at once everywhere. The random part is compared in
    /// constant time, and before anything is said of the record.
    pub async fn authenticate(&self, text: &str, now: Timestamp) -> Result<Authenticated, TokenError> {
        let answer = self.look_up(text, now).await;
        match &answer {
            Err(TokenError::Store(error)) if error.is_transient() => {}
            Err(_) => self.remembered.forget(text),
            Ok((found, expires_at)) => self.remembered.learn(text, found, *expires_at, now),
        }
        answer.map(|(found, _)| found)
    }

    /// Whose a token is, and when it ends.
    async fn look_up(&self, text: &str, now: Timestamp) -> Result<(Authenticated, Timestamp), TokenError> {
        let token = TokenText::parse(text).ok_or(TokenError::Malformed)?;
        let record = self.parameters.token(token.id()).await?.ok_or(TokenError::Unknown)?;
        if !token.proves(&record, &self.key) {
            return Err(TokenError::Unknown);
        }
        if let Some(at) = record.revoked_at {
            return Err(TokenError::Revoked(at));
        }
        if record.expires_at <= now {
            return Err(TokenError::Expired(record.expires_at));
        }
        self.note_use(&record, now);
        let found = Authenticated {
            id: record.id,
            scope: record.scope,
            role: record.role,
            name: record.name,
            expires_at: record.expires_at,
        };
        Ok((found, record.expires_at))
    }

    /// Notes the use of a token now and then, beside the request that it came with: the first use at once, and others together
    /// with those of other tokens. Each note is a change of the store, after which whoever keeps anything of it looks again.
    fn note_use(&self, record: &TokenRecord, now: Timestamp) {
        let noted = record.last_used_at.and_then(|at| at.checked_add(TOUCH_AFTER_MINUTES.minutes()).ok());
        if noted.is_some_and(|until| now < until) {
            return;
        }
        let is_first_of_all = {
            let mut unnoted = self.unnoted();
            let was_empty = unnoted.is_empty();
            unnoted.insert(record.id.clone(), now);
            was_empty
        };
        let wait = if noted.is_none() { Duration::ZERO } else { TOUCH_TOGETHER };
        if is_first_of_all || wait.is_zero() {
            let tokens = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                tokens.note_uses().await;
            });
        }
    }

    async fn note_uses(&self) {
        let uses: Vec<_> = mem::take(&mut *self.unnoted()).into_iter().map(|(id, at)| TokenUse { id, at }).collect();
        if uses.is_empty() {
            return;
        }
        if let Err(error) = self.parameters.touch_tokens(&uses).await {
            tracing::debug!(error = %error, "uses of tokens were not noted");
        }
    }

    fn unnoted(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        self.unnoted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

#[cfg(test)]
mod tests {
    use tenantry_core::scope::TenantId;
    use tenantry_store::memory::MemoryStore;
    use tenantry_store::{Action, Commit, Expected, HeadChange, NewLogEntry};

    use super::*;

    const NOW: &str = "2026-11-23T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn text_of(token: &TokenText) -> SecretText {
        token.clone().into_secret()
    }

    fn entry(scope: &Scope) -> NewLogEntry {
        let (actor, changes) = ("test".to_owned(), Vec::new());
        NewLogEntry {
            scope: scope.clone(),
            at: at(NOW),
            actor,
            action: Action::Create,
            reason: None,
            changes,
            detail: None,
        }
    }

    /// A store with the tenant acme and one token of its.
    async fn acme() -> (Stores, Tokens, TokenText) {
        acme_after(|_| {}).await
    }

    /// The same after a hand in the store has changed the token's record.
    async fn acme_after(change: impl FnOnce(&mut TokenRecord)) -> (Stores, Tokens, TokenText) {
        let stores = Stores::new(Arc::new(MemoryStore::new()));
        let scope = Scope::Tenant(TenantId::parse("acme").unwrap());
        let commit = Commit {
            scope: scope.clone(),
            expected: Expected::Absent,
            head: HeadChange::Create { display_name: "Acme".to_owned() },
            items: Vec::new(),
            secret: None,
            claims: Vec::new(),
            default_revision: tenantry_core::layer::Revision(0),
            entry: entry(&scope),
        };
        stores.commit(commit).await.unwrap();
        let tokens = Tokens::open(&stores).await.unwrap();
        let token = TokenText::from_random(&[7; TokenText::RANDOM_BYTES]);
        let expires_at = at("2026-12-01T00:00:00Z");
        let mut record = TokenRecord {
            id: token.id().to_owned(),
            hash: token.hash(&tokens.key, &scope, "tenant-admin", expires_at),
            scope: scope.clone(),
            role: "tenant-admin".to_owned(),
            name: "laptop".to_owned(),
            created_at: at(NOW),
            created_by: "test".to_owned(),
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        change(&mut record);
        stores.create_token(record, entry(&scope)).await.unwrap();
        (stores, tokens, token)
    }

    #[test]
    fn a_token_reads_back_what_it_writes() {
        let token = TokenText::from_random(&[0xab; TokenText::RANDOM_BYTES]);
        let text = text_of(&token);
        assert_eq!(text.expose().len(), "tny_".len() + 16 + 1 + 64);
        assert_eq!(TokenText::parse(text.expose()).unwrap().id(), "abababababababab");
        assert!(!format!("{token:?}").contains(&"ab".repeat(32)));
    }

    #[test]
    fn what_is_no_token_is_not_looked_up() {
        let good = text_of(&TokenText::from_random(&[1; TokenText::RANDOM_BYTES]));
        let good = good.expose();
        for text in ["", "tny_", "tny__", &good[1..], &good.to_uppercase(), &format!("{good}0"), &format!(" {good}")] {
            assert!(TokenText::parse(text).is_none(), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_token_tells_whose_it_is() {
        let (_, tokens, token) = acme().await;
        let found = tokens.authenticate(text_of(&token).expose(), at(NOW)).await.unwrap();
        assert_eq!((found.scope.to_string().as_str(), found.role.as_str()), ("acme", "tenant-admin"));
    }

    #[tokio::test]
    async fn a_wrong_random_part_is_as_unknown_as_a_wrong_id() {
        let (_, tokens, token) = acme().await;
        let wrong = text_of(&token).expose().replace("07_07", "07_08");
        for text in [wrong, text_of(&TokenText::from_random(&[8; TokenText::RANDOM_BYTES])).expose().to_owned()] {
            assert!(matches!(tokens.authenticate(&text, at(NOW)).await, Err(TokenError::Unknown)));
        }
    }

    #[tokio::test]
    async fn a_token_promoted_or_prolonged_in_the_store_is_void() {
        let changes: [fn(&mut TokenRecord); 3] = [
            |record| record.scope = Scope::Global,
            |record| record.role = "operator".to_owned(),
            |record| record.expires_at = at("2027-12-01T00:00:00Z"),
        ];
        for change in changes {
            let (_, tokens, token) = acme_after(change).await;
            let found = tokens.authenticate(text_of(&token).expose(), at(NOW)).await;
            assert!(matches!(found, Err(TokenError::Unknown)), "{found:?}");
        }
    }

    #[tokio::test]
    async fn a_token_ends_when_its_time_is_over_or_it_is_revoked() {
        let (stores, tokens, token) = acme().await;
        let late = tokens.authenticate(text_of(&token).expose(), at("2026-12-01T00:00:00Z")).await;
        assert!(matches!(late, Err(TokenError::Expired(_))));
        let scope = Scope::Tenant(TenantId::parse("acme").unwrap());
        stores.revoke_token(token.id(), at(NOW), entry(&scope)).await.unwrap();
        let revoked = tokens.authenticate(text_of(&token).expose(), at(NOW)).await;
        assert!(matches!(revoked, Err(TokenError::Revoked(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_use_is_noted_at_once_and_later_ones_together_with_those_of_others() {
        let (stores, tokens, token) = acme().await;
        let (first, later) = (at(NOW), at(NOW).checked_add(2.minutes()).unwrap());
        let use_at = async |moment| tokens.authenticate(text_of(&token).expose(), moment).await.unwrap();
        let noted = async || stores.token(token.id()).await.unwrap().unwrap().last_used_at;
        use_at(first).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(noted().await, Some(first));
        use_at(later).await;
        tokio::time::sleep(TOUCH_TOGETHER / 2).await;
        assert_eq!(noted().await, Some(first), "a note is a write");
        tokio::time::sleep(TOUCH_TOGETHER).await;
        assert_eq!(noted().await, Some(later));
    }
}
