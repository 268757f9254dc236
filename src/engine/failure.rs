//! Failures and errors of functions.

use crate::error::{Error, ErrorKind};

/// Function that failed on a host. Its script is missing there; other functions are not affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Name of the script.
    pub script: String,
    /// Address or name of the host.
    pub target: String,
    /// Protocol and number of the port, for port scripts.
    pub port: Option<(String, u16)>,
    /// Error message.
    pub message: String,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let Failure { script, target, port, message } = failure;
        let port = port.map(|(proto, port)| format!(" {port}/{proto}")).unwrap_or_default();
        let message = format!("{script} on {target}{port}: {message}");
        Self::new(ErrorKind::Engine { script, message })
    }
}

/// Creates an error about a script.
pub(super) fn error_of(script: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Engine { script: script.to_owned(), message: message.into() })
}
