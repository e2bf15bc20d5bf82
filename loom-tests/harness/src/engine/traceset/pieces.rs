//! A search in pieces: for all cores, and a share of it for one of several machines.

use super::super::{Hub, Piece};
use super::search::{asked, observed};
use crate::case::Case;
use crate::search::{Exploration, Limits, Part, Progress, every};
use std::sync::Arc;
use traceset::Search;

/// After so many executions of a search a thread that is free takes a piece of it: some seconds. It does not depend
/// on the machine, since how many executions are blocked depends on it. (With 5,000, every twelfth execution of
/// five writers was; with 20,000, every twelfth of six.)
const EXECUTIONS_A_PIECE: u64 = 50_000;

/// So many are dealt out to each part, since they differ in size.
const PIECES_A_PART: u64 = 8;

/// All of a search, or the part that `limits` say.
pub(super) fn work(case: &Arc<Case>, limits: Limits) -> Piece {
    let case = Arc::clone(case);
    Piece(Box::new(move |hub| match limits.part {
        Some(part) => dealt(&case, &limits, part, hub),
        None => explore(&case, &limits, None, hub),
    }))
}

/// Every part divides the search in the same way, takes its share of the pieces, and counts only these; the
/// first one counts what was explored on the way, too.
fn dealt(case: &Arc<Case>, limits: &Limits, part: Part, hub: &Hub) -> Exploration {
    let pieces = usize::try_from(PIECES_A_PART * part.count).unwrap_or(usize::MAX);
    let mut left = Vec::new();
    let on_the_way = observed(case, limits, asked(case, limits), |search, body, complete| {
        let (report, pieces) = search.divide(pieces, body, complete);
        left = pieces;
        report
    });
    let own = (1..).zip(left).filter(|(number, _)| number % part.count == part.index % part.count);
    own.for_each(|(_, piece)| (hub.give)(another(case, *limits, piece)));
    if part.index == 1 { on_the_way } else { on_the_way.uncounted() }
}

fn another(case: &Arc<Case>, limits: Limits, piece: traceset::Piece) -> Piece {
    let case = Arc::clone(case);
    Piece(Box::new(move |hub| explore(&case, &limits, Some(piece), hub)))
}

fn explore(case: &Arc<Case>, limits: &Limits, piece: Option<traceset::Piece>, hub: &Hub) -> Exploration {
    let search = piece.into_iter().fold(asked(case, limits), Search::piece);
    let search = giving(case, *limits, search, hub);
    observed(case, limits, watched(search, hub), |search, body, complete| {
        let report = search.run_with(body, complete);
        (hub.watch)(Progress { executions: report.complete, share: report.share, deepest: 0 });
        report
    })
}

/// A twin's failing execution has a number, and a limit is of the whole search: these stay in one piece.
fn giving(case: &Arc<Case>, limits: Limits, search: Search, hub: &Hub) -> Search {
    if case.twin.is_some() || limits.may_cut() {
        return search;
    }
    let (case, hub) = (Arc::clone(case), hub.clone());
    search.give_away(EXECUTIONS_A_PIECE, move |piece| (hub.give)(another(&case, limits, piece)))
}

fn watched(search: Search, hub: &Hub) -> Search {
    let hub = hub.clone();
    search.progress(every(), move |progress| {
        let share = progress.share.unwrap_or_default();
        (hub.watch)(Progress { executions: progress.complete, share, deepest: 0 });
    })
}
