//! As much of GraphQL as a search of one class takes: read word by word, so that what is not well written is refused.

/// A search of one class.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    pub(super) class: String,
    pub(super) limit: usize,
    pub(super) search: Search,
    /// The properties that are asked for, without `_additional`.
    pub(super) fields: Vec<String>,
}

/// How to search, for what.
#[derive(Debug, PartialEq)]
pub(super) enum Search {
    NearText(String),
    Words(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Mark(char),
    Name(String),
    Number(usize),
    Text(String),
}

impl Question {
    /// Reads `{ Get { Class(limit: 3, nearText: {concepts: ["…"]}) { title _additional { distance } } } }`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Tokens(tokens(text)?.into_iter());
        tokens.marks("{")?;
        if tokens.name()? != "Get" {
            return Err(syntax("Get"));
        }
        tokens.marks("{")?;
        let class = tokens.name()?;
        let (limit, search) = tokens.arguments()?;
        let fields = tokens.fields()?;
        tokens.marks("}}")?;
        match tokens.0.next() {
            None => Ok(Self { class, limit, search, fields }),
            Some(_) => Err(syntax("the end")),
        }
    }
}

struct Tokens(std::vec::IntoIter<Token>);

impl Tokens {
    fn marks(&mut self, marks: &str) -> Result<(), String> {
        marks.chars().try_for_each(|mark| match self.0.next() {
            Some(Token::Mark(found)) if found == mark => Ok(()),
            _ => Err(syntax(&mark.to_string())),
        })
    }

    fn name(&mut self) -> Result<String, String> {
        match self.0.next() {
            Some(Token::Name(name)) => Ok(name),
            _ => Err(syntax("a name")),
        }
    }

    fn text(&mut self) -> Result<String, String> {
        match self.0.next() {
            Some(Token::Text(text)) => Ok(text),
            _ => Err(syntax("a string")),
        }
    }

    fn number(&mut self) -> Result<usize, String> {
        match self.0.next() {
            Some(Token::Number(number)) => Ok(number),
            _ => Err(syntax("a number")),
        }
    }

    /// `(limit: 3, nearText: {concepts: ["…"]})` or `(limit: 3, bm25: {query: "…"})`; commas are as good as spaces.
    fn arguments(&mut self) -> Result<(usize, Search), String> {
        self.marks("(")?;
        if self.name()? != "limit" {
            return Err(syntax("limit"));
        }
        self.marks(":")?;
        let limit = self.number()?;
        let how = self.name()?;
        self.marks(":{")?;
        let what = self.name()?;
        self.marks(":")?;
        let search = match (how.as_str(), what.as_str()) {
            ("nearText", "concepts") => {
                self.marks("[")?;
                let text = self.text()?;
                self.marks("]")?;
                Search::NearText(text)
            }
            ("bm25", "query") => Search::Words(self.text()?),
            _ => return Err(format!("Unknown argument \"{how}\" on field of type \"GetObjectsObj\".")),
        };
        self.marks("})")?;
        Ok((limit, search))
    }

    fn fields(&mut self) -> Result<Vec<String>, String> {
        self.marks("{")?;
        let mut fields = Vec::new();
        loop {
            match self.0.next() {
                Some(Token::Mark('}')) => return Ok(fields),
                Some(Token::Name(name)) if name == "_additional" => drop(self.fields_within()?),
                Some(Token::Name(name)) => fields.push(name),
                _ => return Err(syntax("a field")),
            }
        }
    }

    fn fields_within(&mut self) -> Result<Vec<String>, String> {
        self.marks("{")?;
        let mut fields = Vec::new();
        loop {
            match self.0.next() {
                Some(Token::Mark('}')) => return Ok(fields),
                Some(Token::Name(name)) => fields.push(name),
                _ => return Err(syntax("a field")),
            }
        }
    }
}

fn syntax(expected: &str) -> String {
    format!("Syntax Error GraphQL request: expected {expected}")
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest)?,
            c if c.is_ascii_alphanumeric() || c == '_' => {
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        let (word, behind) = rest.split_at(length);
        tokens.extend(token(first, word)?);
        rest = behind;
    }
    Ok(tokens)
}

/// One token; white space and commas are none.
fn token(first: char, word: &str) -> Result<Option<Token>, String> {
    match first {
        '"' => serde_json::from_str(word).map(|text| Some(Token::Text(text))).map_err(|_| syntax("a string")),
        '{' | '}' | '(' | ')' | '[' | ']' | ':' => Ok(Some(Token::Mark(first))),
        ',' | ' ' | '\n' | '\t' | '\r' => Ok(None),
        c if c.is_ascii_digit() => {
            word.parse().map(|number| Some(Token::Number(number))).map_err(|_| syntax("a number"))
        }
        c if c.is_ascii_alphabetic() || c == '_' => Ok(Some(Token::Name(word.to_owned()))),
        _ => Err(syntax("a token")),
    }
}

/// The length of the string at the beginning, its quotes included.
fn string_length(text: &str) -> Result<usize, String> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return Ok(at + 1),
            '\n' => break,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    Err(syntax("the end of a string"))
}
