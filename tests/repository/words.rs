//! Words that no file of this repository uses, and what to write instead. This file has them all, so it is
//! the only one that is not searched.

use std::ops::Range;

use regex::Regex;

use super::Finding;

/// The path of this file.
pub const THIS_FILE: &str = "tests/repository/words.rs";

/// Files with prose in them: code with its comments and strings, pages, diagrams, manifests, scripts.
pub const EXTENSIONS: [&str; 9] = ["rs", "md", "txt", "html", "toml", "json", "svg", "yml", "stderr"];

/// A rule about words.
pub struct Rule {
    /// As the line of `house` names it, with its quotes.
    pub name: &'static str,
    pattern: &'static str,
    /// What stands right before a word that is right all the same.
    unless_after: Option<&'static str>,
    instead: &'static str,
    wrong: &'static [&'static str],
    right: &'static [&'static str],
}

/// A task is a thing. What a person does, "they" do.
pub const PRONOUNS: Rule = Rule {
    name: "'he'",
    pattern: r"(?i)\b(he|him|his|himself|she|her|hers|herself)\b",
    unless_after: None,
    instead: "a task is \"it\", people are \"they\"",
    wrong: &[
        "until he leaves",
        "He is counted",
        "the word told him to",
        "what is not his",
        "count himself in",
    ],
    right: &["the header", "they are counted", "this, that, then, there", "a history", "sheet, cache, other"],
};

/// "Who" has a noun before it, and the noun is a person: a thread is not a "who".
pub const NOUNS: Rule = Rule {
    name: "headless 'who'",
    pattern: r"(?i)\b(who|whom|whoever|whomever)\b",
    unless_after: Some(
        r"(?i)\b(author|authors|embedder|embedders|engineer|engineers|people|person|reader|readers|reviewer|reviewers|user|users)\s+$",
    ),
    instead: "\"a thread that …\", \"the task that …\", \"threads that …\", or which role it is",
    wrong: &[
        "who holds a reservation adds the ordered extent",
        "a count of who is inside",
        "Whoever leaves wakes the waiter",
        "those who close at the same moment",
        "nobody who holds a handle commits",
        "a closer who waits",
        "told those\nwho wait",
        "to whom it belongs",
    ],
    right: &[
        "an embedder who keeps A1",
        "a thread that wants to join",
        "readers\nwho want to know",
        "whose, whole, whoa",
    ],
};

/// Turns that no engineer uses today.
pub const OLD_WORDS: Rule = Rule {
    name: "old words",
    pattern: r"(?i)\b(for\s+ever|tells|shall|thereof|therein|thereby|whereupon|hitherto|heretofore)\b",
    unless_after: None,
    instead: "\"permanently\" or \"never returns\"; \"says\", \"reports\", \"shows\"; \"must\" or \"will\"",
    wrong: &["blocks for ever", "blocks for\never", "Tells rustdoc", "`leaked` tells", "which shall fail"],
    right: &["forever_loop", "whenever, however", "tell, told", "shallow", "for every thread"],
};

pub const RULES: [&Rule; 3] = [&PRONOUNS, &NOUNS, &OLD_WORDS];

/// No module is given its file by hand: where a module is, its name says.
pub const PATH_ATTRIBUTE: Rule = Rule {
    name: "#[path]",
    pattern: r"#!?\[\s*(cfg_attr\([^\]]*,\s*)?path\s*=",
    unless_after: None,
    instead: "put the module where its name says, or make a library of what two crates share",
    wrong: &[
        "#[path = \"../support/mod.rs\"]",
        "#[cfg_attr(loom, path = \"loom.rs\")]",
        "#![path = \"x.rs\"]",
    ],
    right: &["#[derive(Debug)]", "harness = { path = \"harness\" }", "`#[path]`", "let path = 1;"],
};

impl Rule {
    pub fn compile(&self) -> Search<'_> {
        let compile = |pattern| Regex::new(pattern).expect("a pattern");
        Search {
            rule: self,
            pattern: compile(self.pattern),
            unless_after: self.unless_after.map(compile),
            markers: compile(MARKERS),
        }
    }

    /// The rule finds what it should in its samples, and nothing else.
    ///
    /// # Errors
    /// The samples with which it does not.
    pub fn test(&self) -> Result<(), String> {
        let search = self.compile();
        let finds = |text: &str| !search.find(&search.without_markers(text)).is_empty();
        let missed = self.wrong.iter().filter(|text| !finds(text));
        let missed = missed.map(|text| format!("{} is not found in {text:?}", self.name));
        let extra = self.right.iter().filter(|text| finds(text));
        let extra = extra.map(|text| format!("{} is found in {text:?}", self.name));
        let wrong: Vec<_> = missed.chain(extra).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }
}

/// What stands before the words on a line of a comment, a quotation or a list.
const MARKERS: &str = r"(?m)^[ \t]*(//[/!]?|>|\* )[ \t]*";

/// A rule, ready to search many files.
pub struct Search<'rule> {
    rule: &'rule Rule,
    pattern: Regex,
    unless_after: Option<Regex>,
    markers: Regex,
}

impl Search<'_> {
    /// The findings in one file.
    pub fn check(&self, file: &str, text: &str) -> Vec<Finding> {
        let prose = self.without_markers(text);
        let found = self.find(&prose).into_iter().map(|at| {
            let line = prose[..at.start].matches('\n').count() + 1;
            let words = prose[at].split_whitespace().collect::<Vec<_>>().join(" ");
            Finding::new(file, line, format!("`{words}`: write {}", self.rule.instead))
        });
        found.collect()
    }

    /// Where `text` breaks the rule.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let is_right =
            |at: usize| self.unless_after.as_ref().is_some_and(|before| before.is_match(&text[..at]));
        let found = self.pattern.find_iter(text).map(|found| found.range());
        found.filter(|found| !is_right(found.start)).collect()
    }

    /// The text line by line, without the markers: so a sentence goes on from one line to the next.
    fn without_markers(&self, text: &str) -> String {
        self.markers.replace_all(text, "").into_owned()
    }
}
