//! Keeps a copy of what is read.

use std::io::{self, Read, Write};

use crate::error::Error;

/// Reader that writes an unchanged copy of the bytes that pass through it.
#[derive(Debug)]
pub(crate) struct TeeReader<R, W> {
    inner: R,
    copy: Option<W>,
    /// Name of the copy in errors.
    name: String,
    /// Kind and message of the error that stopped the copy.
    failed: Option<(io::ErrorKind, String)>,
}

impl<R: Read, W: Write> TeeReader<R, W> {
    /// Copies everything read from `inner` to `copy`, if given; `name` is its name in errors.
    pub(crate) fn new(inner: R, copy: Option<W>, name: impl Into<String>) -> Self {
        Self { inner, copy, name: name.into(), failed: None }
    }

    /// Returns the writer of the copy, without the reader.
    pub(crate) fn into_copy(self) -> Option<W> {
        self.copy
    }
}

impl<R: Read, W: Write> Read for TeeReader<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A copy with missing bytes is useless: every later read fails.
        if let Some((kind, why)) = &self.failed {
            let again = io::Error::new(*kind, why.clone());
            return Err(io::Error::other(Error::sink(self.name.clone(), again)));
        }
        let len = self.inner.read(buffer)?;
        if let Some(copy) = &mut self.copy {
            let read = buffer.get(..len).unwrap_or_default();
            copy.write_all(read).and_then(|()| copy.flush()).map_err(|error| {
                self.failed = Some((error.kind(), error.to_string()));
                // scanmill's own errors already name the file.
                let is_ours = matches!(error.get_ref(), Some(inner) if inner.is::<Error>());
                if is_ours {
                    error
                } else {
                    io::Error::other(Error::sink(self.name.clone(), error))
                }
            })?;
        }
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_same_bytes_and_reports_write_errors() {
        let mut copied = TeeReader::new(&b"a\0b"[..], Some(Vec::new()), "copy");
        io::copy(&mut copied, &mut io::sink()).unwrap();
        assert_eq!(copied.into_copy().unwrap(), b"a\0b");
        let room: &mut [u8] = &mut [0; 2];
        let mut copied = TeeReader::new(&b"abc"[..], Some(room), "copy");
        for _ in 0..2 {
            assert!(copied.read(&mut [0; 8]).is_err());
        }
    }
}
