//! The bytes of a member.

use std::io::{self, Cursor, Read};

/// Bytes of a member: a stream, or a buffer for members that were already read.
pub struct Bytes<'m>(Inner<'m>);

enum Inner<'m> {
    Held(Cursor<Vec<u8>>),
    Stream(Box<dyn Read + 'm>),
}

impl<'m> Bytes<'m> {
    /// Wraps bytes that were already read.
    #[must_use]
    pub fn held(bytes: Vec<u8>) -> Self {
        Self(Inner::Held(Cursor::new(bytes)))
    }

    /// Wraps a reader.
    #[must_use]
    pub fn of(bytes: impl Read + 'm) -> Self {
        Self(Inner::Stream(Box::new(bytes)))
    }

    /// Returns all bytes if they were already read and none was consumed.
    ///
    /// # Errors
    /// Returns `self` if the bytes still have to be read.
    pub fn into_held(self) -> Result<Vec<u8>, Self> {
        match self.0 {
            Inner::Held(bytes) if bytes.position() == 0 => Ok(bytes.into_inner()),
            other => Err(Self(other)),
        }
    }

    /// Converts into a boxed reader.
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
