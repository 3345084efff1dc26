//! What a day end teaches is in force from a pane on; events before it are judged by what was known
//! before.

/// Knowledge that a day end changed: what it was before `from`, and since.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Since<T> {
    /// The pane from which `now` holds.
    pub(super) from: u32,
    before: T,
    /// What holds since.
    pub(super) now: T,
}

impl<T: Copy> Since<T> {
    /// What holds at `pane`.
    pub(super) const fn at(&self, pane: u32) -> T {
        if pane >= self.from {
            self.now
        } else {
            self.before
        }
    }

    /// Puts `now` in force from the pane `from` on.
    pub(super) const fn change(&mut self, from: u32, now: T) {
        *self = Self {
            from,
            before: self.now,
            now,
        };
    }
}
