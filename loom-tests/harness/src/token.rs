//! The replay token: which execution of which search.
//!
//! `queue/no-notify@3` is execution 3 of the unbounded search; `queue/no-notify@p1:7` is execution 7 of the
//! search with at most 1 preemption. Loom is deterministic, so this is all it takes.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) name: String,
    pub(crate) preemptions: Option<u8>,
    pub(crate) execution: u64,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.preemptions {
            Some(bound) => write!(f, "{}@p{bound}:{}", self.name, self.execution),
            None => write!(f, "{}@{}", self.name, self.execution),
        }
    }
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).ok_or_else(|| format!("{text:?} is no replay token, such as name@3 or name@p1:7"))
    }
}

fn parse(text: &str) -> Option<Token> {
    let (name, rest) = text.rsplit_once('@')?;
    let (preemptions, execution) = match rest.strip_prefix('p') {
        Some(bounded) => {
            let (bound, execution) = bounded.split_once(':')?;
            (Some(bound.parse().ok()?), execution)
        }
        None => (None, rest),
    };
    let execution = execution.parse().ok().filter(|number| *number > 0)?;
    Some(Token { name: name.into(), preemptions, execution })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_as_it_is_written() {
        for text in ["a/b@3", "a@p1:7"] {
            assert_eq!(text.parse::<Token>().unwrap().to_string(), text);
        }
        for text in ["a", "a@", "a@0", "a@p1", "a@px:1"] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
    }
}
