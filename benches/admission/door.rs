//! What every candidate for admission offers, and how the gate does.

use blockgate::Gate;

/// Something that admits writers.
pub(crate) trait Door: Default + Send + Sync + 'static {
    /// What a thread keeps between two admissions.
    type Local<'a>;

    fn local(&self, thread: usize) -> Self::Local<'_>;

    /// In and out. Whether the caller was admitted.
    fn pass(&self, local: &mut Self::Local<'_>) -> bool;
}

impl Door for Gate {
    type Local<'a> = ();

    fn local(&self, _thread: usize) -> Self::Local<'_> {}

    #[inline]
    fn pass(&self, (): &mut ()) -> bool {
        self.enter().is_ok()
    }
}
