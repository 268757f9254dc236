//! Errors: an [`Error`] ends one input or the output; a [`Diagnostic`] is a warning about a
//! document.

use std::{fmt, io, sync::Arc};

/// Result with scanmill's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Documented code of a warning or error about an input (DATA_MODEL section 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DiagnosticCode {
    /// An address literal that does not have the family that `addrtype` names (T6).
    Addrtype,
    /// An address that is not a literal of any family; its text is kept (T6).
    BadAddr,
    /// A character that XML forbids, or a raw NUL byte; it is dropped (T2).
    BadChar,
    /// An `&` that does not start a known reference; it is kept as text (T2).
    BadEntity,
    /// A number that is malformed or too large for its column; null is stored (T5).
    BadNumber,
    /// A byte that is not UTF-8; it is read as Latin-1 (T1).
    BadUtf8,
    /// Markup that is incomplete or malformed; it is dropped (R3, R8).
    BrokenTag,
    /// A DOCTYPE with an internal subset; it is skipped (R9).
    Dtd,
    /// A second attribute with the same name in one tag; the first one is used (R11).
    DupAttr,
    /// A repeated key in a script's table; its values become an array (section 3).
    DupKey,
    /// A protocol and port that occur twice in one host; they become one row (section 2).
    DupPort,
    /// A scan that was already read in this run (section 5).
    DupScan,
    /// An input that contains only white space (R1).
    Empty,
    /// Hosts or scans in a comment, a CDATA section or similar markup, which is skipped (R8).
    Hidden,
    /// Different finished scans that share one ID (section 5).
    IdCollision,
    /// An element that was closed because its end tag is missing (R4, R8).
    ImplicitClose,
    /// Bytes before the document (R1).
    LeadingJunk,
    /// A limit that was reached; data was cut or left out (R10).
    Limit,
    /// An element without an attribute that is essential to it.
    MissingAttr,
    /// Hosts or other content that no `<nmaprun ...>` precedes (R1).
    NoHeader,
    /// A port without a usable number or state (section 3).
    PortDropped,
    /// Content after the end of the scan, which continues the scan (R7).
    Resumed,
    /// A MAC address that several IP addresses of one scan share. A merge distinguishes its hosts
    /// by both addresses (docs/merge.md).
    SharedMac,
    /// An end tag without a start tag (R5).
    StrayEnd,
    /// Text where nmap writes only elements; it is skipped (R3).
    StrayText,
    /// A document that ends before its end tag, because the input ends or the next document starts
    /// (R2).
    Truncated,
    /// An element with an unknown name; it is skipped with its content (R8).
    Unknown,
    /// Error: the input is not nmap XML (R1).
    NotNmap,
    /// Error: the input could not be read.
    Io,
    /// Error: the input could not be decompressed.
    Decompress,
    /// Error: `--strict` turned the first warning into the end of the input (R11).
    Strict,
}

impl DiagnosticCode {
    /// All codes, in the order of the documentation.
    pub const ALL: [Self; 31] = [
        Self::Addrtype,
        Self::BadAddr,
        Self::BadChar,
        Self::BadEntity,
        Self::BadNumber,
        Self::BadUtf8,
        Self::BrokenTag,
        Self::Dtd,
        Self::DupAttr,
        Self::DupKey,
        Self::DupPort,
        Self::DupScan,
        Self::Empty,
        Self::Hidden,
        Self::IdCollision,
        Self::ImplicitClose,
        Self::LeadingJunk,
        Self::Limit,
        Self::MissingAttr,
        Self::NoHeader,
        Self::PortDropped,
        Self::Resumed,
        Self::SharedMac,
        Self::StrayEnd,
        Self::StrayText,
        Self::Truncated,
        Self::Unknown,
        Self::NotNmap,
        Self::Io,
        Self::Decompress,
        Self::Strict,
    ];

    /// Returns the code as it is written in tables and messages, such as `W_TRUNCATED`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Addrtype => "W_ADDRTYPE",
            Self::BadAddr => "W_BAD_ADDR",
            Self::BadChar => "W_BAD_CHAR",
            Self::BadEntity => "W_BAD_ENTITY",
            Self::BadNumber => "W_BAD_NUMBER",
            Self::BadUtf8 => "W_BAD_UTF8",
            Self::BrokenTag => "W_BROKEN_TAG",
            Self::Dtd => "W_DTD",
            Self::DupAttr => "W_DUP_ATTR",
            Self::DupKey => "W_DUP_KEY",
            Self::DupPort => "W_DUP_PORT",
            Self::DupScan => "W_DUP_SCAN",
            Self::Empty => "W_EMPTY",
            Self::Hidden => "W_HIDDEN",
            Self::IdCollision => "W_ID_COLLISION",
            Self::ImplicitClose => "W_IMPLICIT_CLOSE",
            Self::LeadingJunk => "W_LEADING_JUNK",
            Self::Limit => "W_LIMIT",
            Self::MissingAttr => "W_MISSING_ATTR",
            Self::NoHeader => "W_NO_HEADER",
            Self::PortDropped => "W_PORT_DROPPED",
            Self::Resumed => "W_RESUMED",
            Self::SharedMac => "W_SHARED_MAC",
            Self::StrayEnd => "W_STRAY_END",
            Self::StrayText => "W_STRAY_TEXT",
            Self::Truncated => "W_TRUNCATED",
            Self::Unknown => "W_UNKNOWN",
            Self::NotNmap => "E_NOT_NMAP",
            Self::Io => "E_IO",
            Self::Decompress => "E_DECOMPRESS",
            Self::Strict => "E_STRICT",
        }
    }
}

impl fmt::Display for DiagnosticCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Position in an input: its byte offset and line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Position {
    /// Offset from the start of the decompressed input, in bytes before the text is decoded.
    pub byte: u64,
    /// Line number, starting at 1.
    pub line: u64,
}

/// Warning about a document. There is one entry per code and document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Code of the warning.
    pub code: DiagnosticCode,
    /// Position of the first occurrence.
    pub position: Position,
    /// Number of occurrences in this document.
    pub count: i64,
    /// Description of the first occurrence.
    pub detail: String,
}

/// Kind of an [`Error`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A wrong argument or option.
    #[error("{0}")]
    Usage(String),
    /// The input could not be read.
    #[error("cannot read the input")]
    Io(#[source] io::Error),
    /// The input is not nmap XML.
    #[error("not nmap XML: {0}")]
    NotNmap(String),
    /// The input could not be decompressed.
    #[error("cannot decompress: {0}")]
    Decompress(String),
    /// A warning that `--strict` turned into an error.
    #[error("{code}: {detail}")]
    Strict {
        /// Code of the warning.
        code: DiagnosticCode,
        /// Detail of the warning.
        detail: String,
    },
    /// A table or column that does not exist.
    #[error("{0}")]
    Schema(String),
    /// A scan that could not be run, that failed, or that lacks the requested data (`NmapScanError`
    /// in Nmapthon).
    #[error("{0}")]
    Scan(String),
    /// A malformed list of ports (`InvalidPortError`).
    #[error("{0}")]
    InvalidPort(String),
    /// A malformed target (`MalformedIpAddressError`).
    #[error("{0}")]
    MalformedIpAddress(String),
    /// An argument of nmap that scanmill does not accept (`InvalidArgumentError`).
    #[error("{0}")]
    InvalidArgument(String),
    /// A function of a script engine that cannot be registered, or failed (`EngineError`).
    #[error("{0}")]
    Engine(String),
    /// Data that must be held in memory and exceeds its limit.
    #[error("{0}")]
    Resource(String),
    /// A bug in scanmill; please report it.
    #[error("internal error: {0}")]
    Internal(String),
    /// A saved state that is damaged, that has another version, or that is not a saved state.
    #[error("{0}")]
    State(String),
    /// The output could not be written.
    #[error("cannot write {target}")]
    Sink {
        /// Name of the file or stream.
        target: String,
        /// Cause of the failure.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Error that ends one input or the output, with the input's name and position if they are known.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Arc<ErrorKind>,
    input: Option<String>,
    position: Option<Position>,
}

impl Error {
    /// Creates an error of this kind, without an input and a position.
    #[must_use]
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind: Arc::new(kind), input: None, position: None }))
    }

    /// Creates a usage error.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage(message.into()))
    }

    /// Creates an error about an output.
    #[must_use]
    pub fn sink(
        target: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::new(ErrorKind::Sink { target: target.into(), source: source.into() })
    }

    /// Creates an error about a memory limit that is too low.
    #[must_use]
    pub fn resource(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Resource(message.into()))
    }

    /// Creates an error that only a bug in scanmill can cause.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal(message.into()))
    }

    /// Creates an error about a scan.
    #[must_use]
    pub fn scan(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Scan(message.into()))
    }

    /// Returns true if the error is about a scan, its targets, ports or arguments: one of the four
    /// kinds that correspond to `NmapScanError` and its subclasses in Nmapthon.
    #[must_use]
    pub fn is_scan_error(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Scan(_)
                | ErrorKind::InvalidPort(_)
                | ErrorKind::MalformedIpAddress(_)
                | ErrorKind::InvalidArgument(_)
        )
    }

    /// Adds the position in the input.
    #[must_use]
    pub fn with_position(mut self, position: Position) -> Self {
        self.0.position = Some(position);
        self
    }

    /// Adds the name of the input.
    #[must_use]
    pub fn with_input(mut self, name: impl Into<String>) -> Self {
        self.0.input = Some(name.into());
        self
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Returns the name of the input, if it is known.
    #[must_use]
    pub fn input(&self) -> Option<&str> {
        self.0.input.as_deref()
    }

    /// Returns the position in the input, if it is known.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.0.position
    }

    /// Returns the documented code of an error about an input.
    #[must_use]
    pub fn code(&self) -> Option<DiagnosticCode> {
        match self.kind() {
            ErrorKind::Io(_) => Some(DiagnosticCode::Io),
            ErrorKind::NotNmap(_) => Some(DiagnosticCode::NotNmap),
            ErrorKind::Decompress(_) => Some(DiagnosticCode::Decompress),
            ErrorKind::Strict { .. } => Some(DiagnosticCode::Strict),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    /// Creates an error about reading. An [`Error`] that passed through a reader is returned
    /// unchanged.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(ours) => ours,
            Err(error) => Self::new(ErrorKind::Io(error)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.input, self.0.position) {
            (Some(input), Some(p)) => write!(f, "{input}:{}: ", p.line)?,
            (Some(input), None) => write!(f, "{input}: ")?,
            (None, Some(p)) => write!(f, "line {}: ", p.line)?,
            (None, None) => {}
        }
        if let Some(code) = self.code() {
            write!(f, "{code}: ")?;
        }
        write!(f, "{}", self.0.kind)?;
        match self.0.position {
            Some(p) => write!(f, " (byte {})", p.byte),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.kind.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_once_and_named_w_or_e() {
        let mut names: Vec<_> = DiagnosticCode::ALL.iter().map(|c| c.as_str()).collect();
        assert!(names.iter().all(|n| n.starts_with("W_") || n.starts_with("E_")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DiagnosticCode::ALL.len());
    }

    #[test]
    fn message_names_input_line_code_and_byte() {
        let error = Error::new(ErrorKind::NotNmap("the root element is \"html\"".into()))
            .with_position(Position { byte: 40, line: 2 })
            .with_input("a.xml");
        assert_eq!(
            error.to_string(),
            "a.xml:2: E_NOT_NMAP: not nmap XML: the root element is \"html\" (byte 40)"
        );
    }
}
