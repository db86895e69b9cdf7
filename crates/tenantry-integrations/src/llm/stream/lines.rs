//! Cuts bytes into events, wherever the pieces of the wire begin and end.

use crate::call::CallError;
use crate::egress::MAX_BODY;

/// What has come of an event so far.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The bytes of a line that has not ended.
    open: Vec<u8>,
    /// The data of an event that has not ended, if it has any: its lines, joined.
    data: Option<String>,
    /// The last byte was a carriage return: a line feed behind it belongs to the same end of line.
    is_behind_return: bool,
}

impl Lines {
    /// Takes the next bytes, and gives the data of the events that they end. An event that goes on beyond [`MAX_BODY`] is an error.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<String>, CallError> {
        let mut events = Vec::new();
        for &byte in bytes {
            let is_second_half = byte == b'\n' && std::mem::replace(&mut self.is_behind_return, byte == b'\r');
            self.is_behind_return = byte == b'\r';
            match byte {
                b'\n' if is_second_half => {}
                b'\n' | b'\r' => events.extend(self.end_of_line()),
                other => self.open.push(other),
            }
        }
        let held = self.open.len() + self.data.as_ref().map_or(0, String::len);
        if held > MAX_BODY { Err(CallError::TooLarge { limit: MAX_BODY }) } else { Ok(events) }
    }

    fn end_of_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.open);
        if line.is_empty() {
            return self.data.take();
        }
        let line = String::from_utf8_lossy(&line);
        // Comments, which keep the connection open, begin with a colon; other fields are of no use here.
        if let Some(data) = line.strip_prefix("data:") {
            self.add(data.strip_prefix(' ').unwrap_or(data));
        }
        None
    }

    fn add(&mut self, line: &str) {
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(line);
            }
            None => self.data = Some(line.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = ": OPENROUTER PROCESSING\r\n\r\ndata: {\"a\":\"ä😀\"}\r\n\r\nevent: x\nid: 1\ndata:one\ndata: two\n\n\
                          data: [DONE]\r\rdata: never ended";

    #[test]
    fn events_are_their_data_whatever_ends_the_lines() {
        let events = Lines::default().take(STREAM.as_bytes()).unwrap();
        assert_eq!(events, ["{\"a\":\"ä😀\"}", "one\ntwo", "[DONE]"]);
    }

    #[test]
    fn an_event_without_end_is_too_large_in_one_line_or_in_many() {
        for part in ["data: x", "data:\n", "data: xx\r"] {
            let mut lines = Lines::default();
            let taken = (0..MAX_BODY + 2).find_map(|_| lines.take(part.as_bytes()).err());
            assert_eq!(taken, Some(CallError::TooLarge { limit: MAX_BODY }), "{part:?}");
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_events(cuts in prop::collection::vec(0..STREAM.len(), 0..20)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let mut lines = Lines::default();
            let parts = cuts.windows(2).map(|cut| &STREAM.as_bytes()[cut[0]..cut[1]]);
            let events: Vec<_> = parts.flat_map(|part| lines.take(part).unwrap()).collect();
            prop_assert_eq!(events, Lines::default().take(STREAM.as_bytes()).unwrap());
        }
    }
}
