//! Keeps conversations as long as the process lives: for tests, and for trying things out.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{CLAIM_SECONDS, Claim, Conversations, ConversationsError, Month, Place, REMEMBERED_SECONDS, Turn};

/// Conversations in memory.
#[derive(Debug, Default)]
pub struct MemoryConversations(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    turns: HashMap<(Place, String), Vec<Turn>>,
    tokens: HashMap<(Place, Month), u64>,
    events: HashMap<(Place, String), Event>,
}

#[derive(Debug)]
struct Event {
    is_done: bool,
    until: Timestamp,
}

impl MemoryConversations {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Each change is one statement: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event(is_done: bool, now: Timestamp, seconds: i64) -> Event {
    Event { is_done, until: now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX) }
}

#[async_trait]
impl Conversations for MemoryConversations {
    async fn turns(&self, place: &Place, conversation: &str, newest: u32) -> Result<Vec<Turn>, ConversationsError> {
        let kept = self.kept();
        let turns = kept.turns.get(&(place.clone(), conversation.to_owned())).map_or(&[][..], Vec::as_slice);
        Ok(turns[turns.len().saturating_sub(newest as usize)..].to_vec())
    }

    async fn add(&self, place: &Place, conversation: &str, turn: &Turn) -> Result<(), ConversationsError> {
        let mut kept = self.kept();
        let turns = kept.turns.entry((place.clone(), conversation.to_owned())).or_default();
        let behind = turns.partition_point(|earlier| earlier.at <= turn.at);
        turns.insert(behind, turn.clone());
        Ok(())
    }

    async fn spend(&self, place: &Place, month: &Month, tokens: u64) -> Result<u64, ConversationsError> {
        let mut kept = self.kept();
        let spent = kept.tokens.entry((place.clone(), month.clone())).or_default();
        *spent = spent.saturating_add(tokens);
        Ok(*spent)
    }

    async fn spent(&self, place: &Place, month: &Month) -> Result<u64, ConversationsError> {
        Ok(self.kept().tokens.get(&(place.clone(), month.clone())).copied().unwrap_or(0))
    }

    async fn claim(&self, place: &Place, name: &str, now: Timestamp) -> Result<Claim, ConversationsError> {
        let mut kept = self.kept();
        let key = (place.clone(), name.to_owned());
        match kept.events.get(&key) {
            Some(found) if found.until > now => {
                return Ok(if found.is_done { Claim::Done } else { Claim::InProgress });
            }
            Some(_) | None => {}
        }
        kept.events.insert(key, event(false, now, CLAIM_SECONDS));
        Ok(Claim::Taken)
    }

    async fn finish(&self, place: &Place, name: &str, now: Timestamp) -> Result<(), ConversationsError> {
        self.kept().events.insert((place.clone(), name.to_owned()), event(true, now, REMEMBERED_SECONDS));
        Ok(())
    }

    async fn release(&self, place: &Place, name: &str) -> Result<(), ConversationsError> {
        self.kept().events.retain(|(owner, event), found| found.is_done || owner != place || event != name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    conversations_contract!(async { (std::sync::Arc::new(MemoryConversations::default()), ()) });
}
