//! What no model can notice, and why that is no gap. An entry that explains nothing any more is a defect.

use crate::mutant::Place;

/// A weaker ordering that changes nothing that anybody can observe.
pub struct Equivalent {
    pub file: &'static str,
    pub function: &'static str,
    pub operation: &'static str,
    pub argument: &'static str,
}

impl Equivalent {
    pub fn explains(&self, place: &Place) -> bool {
        (self.file, self.function, self.operation)
            == (place.file, place.function.as_str(), place.operation.as_str())
    }
}

pub const EQUIVALENT: &[Equivalent] = &[Equivalent {
    file: "src/replace/cursor.rs",
    function: "Cursor::reset",
    operation: "publish",
    argument: "The cursor starts at zero, so who reads zero cannot tell a reset from the beginning, and \
               concludes nothing from it. The ordering is that of the one `publish`, which `advance` needs.",
}];
