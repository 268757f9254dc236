//! Types that arguments can be created from.

use super::Arguments;
use crate::error::Result;

/// Conversion to arguments: from a text, which is split like a shell does, or from a list of words.
pub trait IntoArguments {
    /// Converts to arguments.
    ///
    /// # Errors
    /// Returns [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for arguments that a scan may not have;
    /// see [`Arguments::new`].
    fn into_arguments(self) -> Result<Arguments>;
}

impl IntoArguments for Arguments {
    fn into_arguments(self) -> Result<Arguments> {
        Ok(self)
    }
}

impl IntoArguments for &str {
    fn into_arguments(self) -> Result<Arguments> {
        Arguments::parse(self)
    }
}

impl IntoArguments for &String {
    fn into_arguments(self) -> Result<Arguments> {
        Arguments::parse(self)
    }
}

impl IntoArguments for String {
    fn into_arguments(self) -> Result<Arguments> {
        Arguments::parse(&self)
    }
}

impl<T: Into<String>> IntoArguments for Vec<T> {
    fn into_arguments(self) -> Result<Arguments> {
        Arguments::new(self)
    }
}

impl<T: Into<String> + Clone> IntoArguments for &[T] {
    fn into_arguments(self) -> Result<Arguments> {
        Arguments::new(self.iter().cloned())
    }
}

impl<T: Into<String>, const N: usize> IntoArguments for [T; N] {
    fn into_arguments(self) -> Result<Arguments> {
        Arguments::new(self)
    }
}
