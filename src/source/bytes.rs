//! The bytes of a member.

use std::io::{self, Cursor, Read};

/// Bytes to be read, or few that were read already.
pub struct Bytes<'m>(Inner<'m>);

enum Inner<'m> {
    Held(Cursor<Vec<u8>>),
    Stream(Box<dyn Read + 'm>),
}

impl<'m> Bytes<'m> {
    /// These and no more.
    #[must_use]
    pub fn held(bytes: Vec<u8>) -> Self {
        Self(Inner::Held(Cursor::new(bytes)))
    }

    /// What this gives.
    #[must_use]
    pub fn of(bytes: impl Read + 'm) -> Self {
        Self(Inner::Stream(Box::new(bytes)))
    }

    /// All of them, if they were read already.
    ///
    /// # Errors
    /// The same again, if they have to be read.
    pub fn into_held(self) -> Result<Vec<u8>, Self> {
        match self.0 {
            Inner::Held(bytes) if bytes.position() == 0 => Ok(bytes.into_inner()),
            other => Err(Self(other)),
        }
    }

    /// The same as something to read.
    #[must_use]
    pub fn into_read(self) -> Box<dyn Read + 'm> {
        match self.0 {
            Inner::Held(bytes) => Box::new(bytes),
            Inner::Stream(bytes) => bytes,
        }
    }
}

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Held(bytes) => bytes.read(buffer),
            Inner::Stream(bytes) => bytes.read(buffer),
        }
    }
}
