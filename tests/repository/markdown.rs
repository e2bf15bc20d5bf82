//! A page of Markdown as what its reader can follow: headings, links, code.

use std::path::Path;

use pulldown_cmark::{BrokenLink, CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};

/// What a page has, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    Heading {
        level: usize,
        /// What a link to it has behind `#`, on the repository's pages and in rustdoc.
        anchor: String,
    },
    Link {
        text: String,
        destination: String,
        /// `[text][label]`, `[label]`, and not `[text](destination)`.
        label: Option<String>,
    },
    /// `[text][label]` with a label that the page does not define.
    BrokenLink(String),
    /// In backticks, without them. Line ends are spaces.
    CodeSpan(String),
    CodeBlock {
        /// Behind the fence; nothing for a block that is only indented.
        language: Option<String>,
        text: String,
    },
    /// Of a table, its head too.
    Row(Vec<Cell>),
}

/// Of a row of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// Without what is in backticks.
    pub text: String,
    pub code: Vec<String>,
}

/// An element, and the line on which it begins.
pub struct Located {
    pub line: usize,
    pub element: Element,
}

pub struct Page {
    pub path: String,
    pub elements: Vec<Located>,
}

impl Page {
    /// Reads the page at `path`, from the root.
    pub fn open(path: &str) -> Self {
        Self::parse(path, &super::read(path))
    }

    pub fn parse(path: &str, text: &str) -> Self {
        let mut reader = Reader {
            text,
            open_links: Vec::new(),
            heading: None,
            block: None,
            row: (0, Vec::new()),
            elements: Vec::new(),
        };
        let mut broken = Vec::new();
        let note = |link: BrokenLink<'_>| -> Option<(CowStr<'_>, CowStr<'_>)> {
            broken.push((link.span.start, link.reference.to_string()));
            None
        };
        let parser = Parser::new_with_broken_link_callback(text, Options::ENABLE_TABLES, Some(note));
        for (event, span) in parser.into_offset_iter() {
            reader.take(event, span.start);
        }
        let Reader { mut elements, .. } = reader;
        let locate = |(at, label)| Located { line: line_of(text, at), element: Element::BrokenLink(label) };
        elements.extend(broken.into_iter().map(locate));
        Self { path: path.to_owned(), elements }
    }

    pub fn has_anchor(&self, wanted: &str) -> bool {
        self.elements
            .iter()
            .any(|located| matches!(&located.element, Element::Heading { anchor, .. } if anchor == wanted))
    }

    /// The elements from the heading with `anchor` up to the next one that is as high, or the whole page.
    pub fn section(&self, anchor: Option<&str>) -> &[Located] {
        let Some(wanted) = anchor else { return &self.elements };
        let heading = self.elements.iter().enumerate().find_map(|(at, located)| match &located.element {
            Element::Heading { level, anchor } if anchor == wanted => Some((at, *level)),
            _ => None,
        });
        let Some((begin, level)) = heading else { return &[] };
        let ends =
            |located: &Located| matches!(located.element, Element::Heading { level: l, .. } if l <= level);
        let rest = &self.elements[begin + 1..];
        &rest[..rest.iter().position(ends).unwrap_or(rest.len())]
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The anchor of a heading: lower case, spaces as hyphens, and no other punctuation.
fn anchor_of(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

/// A link whose text is still being read.
struct OpenLink {
    at: usize,
    text: String,
    destination: String,
    label: Option<String>,
}

struct Reader<'text> {
    text: &'text str,
    open_links: Vec<OpenLink>,
    heading: Option<(usize, usize, String)>,
    block: Option<(usize, Option<String>, String)>,
    row: (usize, Vec<Cell>),
    elements: Vec<Located>,
}

impl Reader<'_> {
    fn push(&mut self, at: usize, element: Element) {
        self.elements.push(Located { line: line_of(self.text, at), element });
    }

    fn add_text(&mut self, text: &str) {
        for link in &mut self.open_links {
            link.text.push_str(text);
        }
        if let Some((_, _, heading)) = &mut self.heading {
            heading.push_str(text);
        }
        if let Some((_, _, block)) = &mut self.block {
            block.push_str(text);
        }
    }

    /// Nothing outside of a table.
    fn add_to_cell(&mut self, add: impl FnOnce(&mut Cell)) {
        if let Some(cell) = self.row.1.last_mut() {
            add(cell);
        }
    }

    fn take(&mut self, event: Event<'_>, at: usize) {
        match event {
            Event::Start(tag) => self.start(tag, at),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => {
                self.add_text(&text);
                self.add_to_cell(|cell| cell.text.push_str(&text));
            }
            Event::Code(code) => {
                self.add_text(&code);
                self.add_to_cell(|cell| cell.code.push(code.to_string()));
                self.push(at, Element::CodeSpan(code.to_string()));
            }
            Event::SoftBreak | Event::HardBreak => self.add_text(" "),
            _ => (),
        }
    }

    fn start(&mut self, tag: Tag<'_>, at: usize) {
        match tag {
            Tag::Heading { level, .. } => self.heading = Some((at, level as usize, String::new())),
            Tag::Link { link_type, dest_url, id, .. } => self.open_links.push(OpenLink {
                at,
                text: String::new(),
                destination: dest_url.to_string(),
                label: (!matches!(link_type, LinkType::Inline | LinkType::Autolink)).then(|| id.to_string()),
            }),
            Tag::CodeBlock(CodeBlockKind::Fenced(language)) => {
                self.block = Some((at, Some(language.to_string()), String::new()));
            }
            Tag::TableHead | Tag::TableRow => self.row = (at, Vec::new()),
            Tag::TableCell => self.row.1.push(Cell::default()),
            Tag::CodeBlock(CodeBlockKind::Indented) => self.block = Some((at, None, String::new())),
            _ => (),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                if let Some((at, level, text)) = self.heading.take() {
                    self.push(at, Element::Heading { level, anchor: anchor_of(&text) });
                }
            }
            TagEnd::Link => {
                if let Some(OpenLink { at, text, destination, label }) = self.open_links.pop() {
                    self.push(at, Element::Link { text, destination, label });
                }
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                let (at, cells) = std::mem::take(&mut self.row);
                self.push(at, Element::Row(cells));
            }
            TagEnd::CodeBlock => {
                if let Some((at, language, text)) = self.block.take() {
                    self.push(at, Element::CodeBlock { language, text });
                }
            }
            _ => (),
        }
    }
}

/// Whether a file is Markdown.
pub fn is_page(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "md")
}

/// Where a link on `page` leads: a path from the root, and an anchor. Nothing for the web.
pub fn resolve(page: &str, destination: &str) -> Option<(String, Option<String>)> {
    if destination.contains("://") || destination.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = match destination.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (destination, None),
    };
    if path.is_empty() {
        return Some((page.to_owned(), anchor));
    }
    let mut parts: Vec<_> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => (),
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    Some((parts.join("/"), anchor))
}
