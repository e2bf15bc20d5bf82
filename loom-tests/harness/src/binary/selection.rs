//! Which of the cases of a binary a command line selects.

/// Which of the cases that a plain run leaves out: libtest calls them ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ignored {
    /// Leave them out.
    #[default]
    Not,
    /// Run them too (`--include-ignored`).
    Too,
    /// Run nothing else (`--ignored`).
    Only,
}

/// Filters, and what they match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// A case is selected when its name contains one of them; all are, when there is none.
    pub filters: Vec<String>,
    /// Cases that are left out, by a part of their names.
    pub skip: Vec<String>,
    /// Filters are whole names.
    pub exact: bool,
    /// What becomes of the cases that a plain run leaves out.
    pub ignored: Ignored,
}

impl Selection {
    /// Whether any filter was given.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        !self.filters.is_empty() || !self.skip.is_empty()
    }

    /// Whether the filters leave the case called `name` in.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        let matches = |filter: &String| if self.exact { name == filter } else { name.contains(filter) };
        (self.filters.is_empty() || self.filters.iter().any(matches)) && !self.skip.iter().any(matches)
    }

    /// Whether a case that a plain run leaves out (`is_ignored`), or does not, belongs into this one.
    #[must_use]
    pub fn takes(&self, is_ignored: bool) -> bool {
        match self.ignored {
            Ignored::Not => !is_ignored,
            Ignored::Too => true,
            Ignored::Only => is_ignored,
        }
    }

    /// Whether a list shows the case: it shows ignored ones too, unless it is asked for them alone.
    #[must_use]
    pub fn lists(&self, name: &str, is_ignored: bool) -> bool {
        self.names(name) && (self.ignored != Ignored::Only || is_ignored)
    }

    /// The filters, for a message.
    pub(crate) fn text(&self) -> String {
        let quoted = |prefix: &'static str, names: &[String]| {
            names.iter().map(|name| format!("{prefix}{name:?}")).collect::<Vec<_>>()
        };
        [quoted("", &self.filters), quoted("--skip ", &self.skip)].concat().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(filters: &[&str], skip: &[&str], exact: bool) -> Selection {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Selection { filters: owned(filters), skip: owned(skip), exact, ignored: Ignored::Not }
    }

    #[test]
    fn filters_are_parts_of_names_unless_exact() {
        let name = "queue/pop";
        assert!(select(&[], &[], false).names(name));
        assert!(select(&["none", "pop"], &[], false).names(name));
        assert!(!select(&["pop"], &[], true).names(name));
        assert!(select(&[name], &[], true).names(name));
        assert!(!select(&[], &["pop"], false).names(name));
        assert!(select(&[], &["pop"], true).names(name));
    }

    #[test]
    fn ignored_cases_run_when_asked_for_and_are_listed_otherwise() {
        let with = |ignored| Selection { ignored, ..Selection::default() };
        assert_eq!(
            [Ignored::Not, Ignored::Too, Ignored::Only].map(|i| with(i).takes(true)),
            [false, true, true]
        );
        assert_eq!(
            [Ignored::Not, Ignored::Too, Ignored::Only].map(|i| with(i).takes(false)),
            [true, true, false]
        );
        assert!(with(Ignored::Not).lists("a", true) && !with(Ignored::Only).lists("a", false));
    }
}
