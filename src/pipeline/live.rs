//! Inputs that are still being written: what was read is written at once.

use std::io::Read;

use super::{Observer, Pipeline};
use crate::{
    error::Result,
    sink::Format,
    source::{Bytes, Follow, Member},
};

impl<F: Format> Pipeline<F> {
    /// Reads what a program writes as an input of this name, on this thread and with an observer. Whatever is
    /// ready is written and flushed before more is waited for.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn read_live(
        &mut self,
        name: &str,
        bytes: impl Read,
        observer: Observer<'_>,
    ) -> Result<()> {
        self.write_jobs()?;
        let (name, bytes) = (name.to_owned(), Bytes::of(bytes));
        self.read_here(Member { name, named: true, live: true, bytes, len: None }, observer)
    }

    /// Reads a file that is still being written, as it grows. Each file that takes its name is an input; one
    /// that cannot be read ends it.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn follow(&mut self, follow: &mut Follow) -> Result<()> {
        while !self.is_stopped()
            && let Some(next) = follow.next()
        {
            match next {
                Ok(member) => self.read_member(member, &mut |_, _| {})?,
                Err(error) => return self.refuse(error),
            }
        }
        Ok(())
    }
}
