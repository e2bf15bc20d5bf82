//! The ways from the README, followed link by link.

use super::markdown::{Element, Page, is_page, resolve};
use super::{exists, read};

/// More steps than these are too many.
const MOST_STEPS: usize = 3;

/// A question, and the links to click on, each by its text: the first one in the README.
pub struct Way {
    pub question: &'static str,
    pub clicks: &'static [&'static str],
    /// What stands where the way ends: in the section, or in the file.
    pub arrives_at: &'static str,
}

pub const WAYS: [Way; 5] = [
    Way {
        question: "Which model is the theorem?",
        clicks: &["The theorem", "the theorem's models"],
        arrives_at: "\"replace/cow\"",
    },
    Way {
        question: "Where is the code of step 3, the wait for ordered extents?",
        clicks: &["The seven steps", "src/replace/drain.rs: Quiet::wait_ordered"],
        arrives_at: "pub fn wait_ordered",
    },
    Way {
        question: "Why is every admitted write over after step 3?",
        clicks: &["Lemma 4"],
        arrives_at: "src/ordered_extent.rs: OrderedExtents::wait_range, count_down",
    },
    Way {
        question: "What went wrong in 2016?",
        clicks: &["The bug of 2016", "replace-seed.txt"],
        arrives_at: "lost extent",
    },
    Way { question: "How do I add a model?", clicks: &["Adding a model"], arrives_at: "must_reach" },
];

/// A place in the repository.
struct Place {
    path: String,
    anchor: Option<String>,
}

impl Way {
    /// Follows the way, and returns how many steps it took.
    ///
    /// # Errors
    /// Where the way is broken, or longer than three steps.
    pub fn follow(&self) -> Result<usize, String> {
        if !read("README.md").contains(self.question) {
            return Err(format!("README.md does not ask {:?}", self.question));
        }
        let mut place = Place { path: "README.md".to_owned(), anchor: None };
        for click in self.clicks {
            place = place.click(click)?;
        }
        if !place.says(self.arrives_at) {
            return Err(format!(
                "{:?} ends at {place}, which does not say {:?}",
                self.question, self.arrives_at
            ));
        }
        if self.clicks.len() > MOST_STEPS {
            return Err(format!(
                "{:?} takes {} steps: {MOST_STEPS} at most",
                self.question,
                self.clicks.len()
            ));
        }
        Ok(self.clicks.len())
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let anchor = self.anchor.as_ref().map_or(String::new(), |anchor| format!("#{anchor}"));
        write!(f, "{}{anchor}", self.path)
    }
}

impl Place {
    fn is_page(&self) -> bool {
        is_page(&self.path)
    }

    fn click(&self, wanted: &str) -> Result<Self, String> {
        let page = Page::open(&self.path);
        let destination =
            page.section(self.anchor.as_deref()).iter().find_map(|located| match &located.element {
                Element::Link { text, destination, .. } if text == wanted => Some(destination.clone()),
                _ => None,
            });
        let destination = destination.ok_or_else(|| format!("{self} has no link {wanted:?}"))?;
        let to = resolve(&self.path, &destination).ok_or_else(|| format!("{self}: {wanted:?} leaves"))?;
        let to = Self { path: to.0, anchor: to.1 };
        if to.exists() {
            Ok(to)
        } else {
            Err(format!("{self}: {wanted:?} leads to {to}, which is not there"))
        }
    }

    fn exists(&self) -> bool {
        let has = |anchor: &String| self.is_page() && Page::open(&self.path).has_anchor(anchor);
        exists(&self.path) && self.anchor.as_ref().is_none_or(has)
    }

    /// Whether `text` stands in the file, or in the code or the link texts of the section.
    fn says(&self, text: &str) -> bool {
        if !self.is_page() {
            return read(&self.path).contains(text);
        }
        Page::open(&self.path).section(self.anchor.as_deref()).iter().any(|located| match &located.element {
            Element::CodeSpan(code) => code.contains(text),
            _ => false,
        })
    }
}

/// Broken ways are noticed.
///
/// # Errors
/// What was not.
pub fn test() -> Result<(), String> {
    const QUESTION: &str = "How do I add a model?";
    const BROKEN: [Way; 4] = [
        Way { question: "What is not asked?", clicks: &["Adding a model"], arrives_at: "must_reach" },
        Way { question: QUESTION, clicks: &["Adding a muddle"], arrives_at: "must_reach" },
        Way { question: QUESTION, clicks: &["Adding a model"], arrives_at: "of nothing" },
        Way {
            question: QUESTION,
            clicks: &["The bug of 2016", "The bug of 2016", "Adding a model"],
            arrives_at: "must_reach",
        },
    ];
    let followed: Vec<_> = BROKEN.iter().filter(|way| way.follow().is_ok()).map(|way| way.clicks).collect();
    if followed.is_empty() { Ok(()) } else { Err(format!("followed, though broken: {followed:?}")) }
}
