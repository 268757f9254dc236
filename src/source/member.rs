//! Members of inputs, and their names.

use std::{
    fmt::Write as _,
    io::{self, Cursor, Read},
    path::Path,
};

use crate::error::Result;

/// Something to read: an input, or a member of one.
#[non_exhaustive]
pub struct Member<'m> {
    /// Name of the input, followed by the path inside it for a member of an archive: `scans.tar!2024/a.xml.gz`.
    pub name: String,
    /// True if the user named it itself; false if it was found in a folder or an archive.
    pub explicit: bool,
    /// True if its bytes may arrive slowly, as from a pipe.
    pub live: bool,
    /// Contents, decompressed.
    pub bytes: MemberData<'m>,
    /// Length of the contents in bytes, if known.
    pub len: Option<u64>,
}

/// Callback that receives the members of an input in order, with an error in place of each that cannot be read.
pub type Visit<'v> = dyn FnMut(Result<Member<'_>>) -> Result<()> + 'v;

/// Bytes of a member: a stream, or a buffer for members that were already read.
pub struct MemberData<'m>(Inner<'m>);

enum Inner<'m> {
    Held(Cursor<Vec<u8>>),
    Stream(Box<dyn Read + 'm>),
}

impl<'m> MemberData<'m> {
    /// Wraps bytes that were already read.
    #[must_use]
    pub(crate) fn from_vec(bytes: Vec<u8>) -> Self {
        Self(Inner::Held(Cursor::new(bytes)))
    }

    /// Wraps a reader.
    #[must_use]
    pub fn from_reader(bytes: impl Read + 'm) -> Self {
        Self(Inner::Stream(Box::new(bytes)))
    }

    /// Returns all bytes if they were already read and none was consumed.
    ///
    /// # Errors
    /// Returns `self` if the bytes still have to be read.
    pub(crate) fn into_held(self) -> Result<Vec<u8>, Self> {
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

impl Read for MemberData<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Held(bytes) => bytes.read(buffer),
            Inner::Stream(bytes) => bytes.read(buffer),
        }
    }
}

/// Returns a path as text; bytes that are not UTF-8 are written as `\xNN` (DATA_MODEL section 4).
pub(super) fn display(path: &Path) -> String {
    display_bytes(path.as_os_str().as_encoded_bytes())
}

pub(super) fn display_bytes(path: &[u8]) -> String {
    let mut text = String::new();
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}
