//! Cuts bytes into events, wherever the pieces of the wire begin and end.

/// What has come of an event so far.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The bytes of a line that has not ended.
    open: Vec<u8>,
    /// The data of an event that has not ended.
    data: Vec<String>,
    /// The last byte was a carriage return: a line feed behind it belongs to the same end of line.
    is_behind_return: bool,
}

impl Lines {
    /// Takes the next bytes, and gives the data of the events that they end.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<String> {
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
        events
    }

    fn end_of_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.open);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return (!data.is_empty()).then(|| data.join("\n"));
        }
        let line = String::from_utf8_lossy(&line);
        // Comments, which keep the connection open, begin with a colon; other fields are of no use here.
        if let Some(data) = line.strip_prefix("data:") {
            self.data.push(data.strip_prefix(' ').unwrap_or(data).to_owned());
        }
        None
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
        let events = Lines::default().take(STREAM.as_bytes());
        assert_eq!(events, ["{\"a\":\"ä😀\"}", "one\ntwo", "[DONE]"]);
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_events(cuts in prop::collection::vec(0..STREAM.len(), 0..20)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let mut lines = Lines::default();
            let events: Vec<_> = cuts.windows(2).flat_map(|cut| lines.take(&STREAM.as_bytes()[cut[0]..cut[1]])).collect();
            prop_assert_eq!(events, Lines::default().take(STREAM.as_bytes()));
        }
    }
}
