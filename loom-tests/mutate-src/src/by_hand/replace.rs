//! Of the drain, the copy and the cursor.

use super::{Change, change};

const COPY: &str = "src/replace/copy.rs";
const CURSOR: &str = "src/replace/cursor.rs";
const DRAIN: &str = "src/replace/drain.rs";

pub const CHANGES: &[Change] = &[
    change(
        COPY,
        "a copy stops after the first buffer of a run",
        "R6: every byte of the group's extents is copied",
        "        at += length;\n    }\n    Ok(())",
        "        at += length;\n        break;\n    }\n    Ok(())",
    ),
    change(
        COPY,
        "a copy reads every buffer from the run's start",
        "R6: the target has the source's bytes at the same address",
        "source.read_at(at, buffer)",
        "source.read_at(run.start(), buffer)",
    ),
    change(
        COPY,
        "a copy writes every buffer to the run's start",
        "R6: the target has the source's bytes at the same address",
        "target.write_at(at, buffer)",
        "target.write_at(run.start(), buffer)",
    ),
    change(
        COPY,
        "the last buffer of a run is as long as the others",
        "R6: extents are copied, and nothing else is written",
        "let length = BUFFER.min(run.end() - at);",
        "let length = BUFFER.min(run.len());",
    ),
    change(
        COPY,
        "a run that adjoins forgets its first extent",
        "R6: every byte of the group's extents is copied",
        "Some(LogicalRange::between(run.start(), extent.end()))",
        "Some(LogicalRange::between(extent.start(), extent.end()))",
    ),
    change(
        COPY,
        "a run that ends is not copied, but the next one",
        "R6: every byte of the group's extents is copied",
        "copy(run)?;\n                Some(extent)",
        "copy(extent)?;\n                Some(extent)",
    ),
    change(
        COPY,
        "the last run is not copied",
        "R6: every byte of the group's extents is copied",
        "run.map_or(Ok(()), copy)?;",
        "let _ = (run, &mut copy);",
    ),
    change(
        COPY,
        "the target is flushed before the last run",
        "R5: the copy is flushed before the cursor passes the group",
        "run.map_or(Ok(()), copy)?;
    // A copy that is cancelled is not worth a flush.
    cancel.check()?;
    target.flush().map_err(|error| CopyError::device(Side::Target, range.start(), error))?;",
        "cancel.check()?;
    target.flush().map_err(|error| CopyError::device(Side::Target, range.start(), error))?;
    run.map_or(Ok(()), copy)?;",
    ),
    change(
        COPY,
        "the source is flushed for the target",
        "R5: the copy is flushed before the cursor passes the group",
        "target.flush().map_err",
        "source.flush().map_err",
    ),
    change(
        DRAIN,
        "a drain waits for the NOCOW writers alone",
        "R1: step 2 waits for reservations",
        "waited_reservations: self.read_only.wait_reservations(),",
        "waited_reservations: false,",
    ),
    change(
        DRAIN,
        "a drain waits for the reservations alone",
        "R1: step 2 waits for NOCOW writers",
        "waited_nocow_writers: self.read_only.wait_nocow_writers(),",
        "waited_nocow_writers: false,",
    ),
    change(
        DRAIN,
        "a drain waits for the reservations alone where read-only is nested",
        "R1: step 2 waits for NOCOW writers, at each level",
        "waited_nocow_writers: self.read_only.wait_nocow_writers(),",
        "waited_nocow_writers: self.read_only.level() == 1 && self.read_only.wait_nocow_writers(),",
    ),
    change(
        DRAIN,
        "a drain waits for the first half of its group",
        "R2: step 3 waits for the ordered extents of the group",
        "self.summary.ordered = ordered.wait_range(self.read_only.group().range());",
        "let range = self.read_only.group().range();
        self.summary.ordered = ordered.wait_range(range.split_at(range.len() / 2).map_or(range, |halves| halves.0));",
    ),
    change(
        DRAIN,
        "the cursor moves to the start of the group",
        "R5: the cursor passes the group before it is read-write",
        "let end = self.read_only.group().range().end();",
        "let end = self.read_only.group().range().start();",
    ),
    change(
        DRAIN,
        "the cursor does not move where it is within the group",
        "R5: the cursor passes the group before it is read-write",
        "if cursor.address() < end {",
        "if cursor.address() < self.read_only.group().range().start() {",
    ),
    change(
        CURSOR,
        "a cursor is reset to one byte",
        "nothing is behind the cursor of a new replace",
        "self.address.publish(0);",
        "self.address.publish(1);",
    ),
];
