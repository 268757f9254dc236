//! Inputs that are still being written: everything read is written immediately.

use std::io::Read;

use super::{Observer, Pipeline};
use crate::{
    error::Result,
    format::Format,
    source::{Bytes, Follow, Member},
};

impl<F: Format> Pipeline<F> {
    /// Reads the output of a program as an input of this name, on the calling thread and with an observer. Everything
    /// that is ready is written and flushed before reading blocks.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
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

    /// Reads a file that is still being written, as it grows. Each file that takes its name is an input; the first one
    /// that cannot be read ends the call.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
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
