//! The replay token: which execution of which model. `queue/no-notify@p1:7` is what the engine calls `p1:7`.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) name: String,
    /// The engine's word.
    pub(crate) at: String,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.at)
    }
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once('@').filter(|(name, at)| !name.is_empty() && !at.is_empty());
        let (name, at) = parts.ok_or_else(|| format!("{text:?} is no replay token, such as name@3"))?;
        Ok(Self { name: name.into(), at: at.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_as_it_is_written() {
        for text in ["a/b@3", "a@p1:7"] {
            assert_eq!(text.parse::<Token>().unwrap().to_string(), text);
        }
        for text in ["a", "a@", "@3", ""] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
    }
}
