//! From the operations that were seen to the mutants of them.

use std::fmt;
use std::sync::Arc;

use blockgate::sync::Ordering;
use blockgate::sync::mutation::{Effect, Site};

use super::hook::Hook;
use super::source::function_at;

/// A site by names: what the tables say, and what `equivalent` is keyed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: &'static str,
    pub function: String,
    /// With a number, if the function has several of that name.
    pub operation: String,
}

/// One change of one operation.
#[derive(Clone, Debug)]
pub struct Mutant {
    pub place: Place,
    pub kind: Kind,
    site: Site,
    effect: Effect,
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ordering,
    WakeUp,
    /// Woken once for nothing: to be tolerated.
    Wait,
}

impl Mutant {
    /// A hook that does this change and no other.
    pub fn hook(&self) -> Hook {
        let (at, effect) = (self.site, self.effect);
        Arc::new(move |site| if site == at { effect } else { Effect::AsWritten })
    }

    pub fn is_of(&self, site: &Site) -> bool {
        self.site == *site
    }

    /// The change in words.
    pub fn change(&self) -> String {
        match (self.site.ordering, self.effect) {
            (Some(written), Effect::Ordered(mutated)) => format!("{written:?} → {mutated:?}"),
            _ if self.kind == Kind::WakeUp => "dropped".into(),
            _ => "woken once for nothing".into(),
        }
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, function, operation } = &self.place;
        write!(f, "{file} {function}, {operation}: {}", self.change())
    }
}

/// All mutants of `sites`, which are in the order of the source.
pub fn mutants_of(sites: &[Site]) -> Vec<Mutant> {
    let places = places_of(sites);
    let of_site = |(site, place): (&Site, Place)| {
        let (site, kind) = (*site, kind_of(site));
        effects(&site).into_iter().map(move |effect| Mutant { place: place.clone(), kind, site, effect })
    };
    sites.iter().zip(places).flat_map(of_site).collect()
}

fn places_of(sites: &[Site]) -> Vec<Place> {
    let plain = |site: &Site| Place {
        file: site.place.file(),
        function: function_at(site.place.file(), site.place.line()),
        operation: site.operation.into(),
    };
    let plain: Vec<_> = sites.iter().map(plain).collect();
    let numbered = |(index, place): (usize, &Place)| {
        let same = |places: &[Place]| places.iter().filter(|other| *other == place).count();
        let mut place = place.clone();
        if same(&plain) > 1 {
            place.operation = format!("{} (no. {})", place.operation, same(&plain[..=index]));
        }
        place
    };
    plain.iter().enumerate().map(numbered).collect()
}

fn kind_of(site: &Site) -> Kind {
    match (site.ordering, site.operation) {
        (Some(_), _) => Kind::Ordering,
        (None, "wait_until") => Kind::Wait,
        (None, _) => Kind::WakeUp,
    }
}

/// One level at a time.
fn effects(site: &Site) -> Vec<Effect> {
    use Ordering::{AcqRel, Acquire, Relaxed, Release};
    let weaker: &[_] = match site.ordering {
        None => return vec![Effect::Otherwise],
        Some(Acquire | Release) => &[Relaxed],
        Some(AcqRel) => &[Acquire, Release],
        // Reading a refused value cannot release.
        Some(Ordering::SeqCst) if site.operation.ends_with("refused") => &[Acquire],
        Some(Ordering::SeqCst) => &[AcqRel],
        Some(_relaxed) => &[],
    };
    weaker.iter().copied().map(Effect::Ordered).collect()
}
