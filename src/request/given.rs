//! Arguments as they may be given.

use super::Arguments;
use crate::error::Result;

/// What arguments can be given as: a text, which is split as a shell does, or a list of words.
pub trait IntoArguments {
    /// The arguments.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for what a scan may not have: see [`Arguments::new`].
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
