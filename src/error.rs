//! Errors: an [`Error`] ends one input or the whole job; a [`Diagnostic`] is a warning about a
//! document.
//!
//! Each [`ErrorKind`] and each warning has a [`DiagnosticCode`] for programs; texts may change, codes
//! do not. Two kinds never describe a mistake of the user: [`ErrorKind::Internal`] is a bug, and
//! [`ErrorKind::Resource`] is a machine, or a limit on it, that is too small. A new kind needs a code,
//! a row in `docs/data-model.md`, a line in `tests/it/codes.txt`, and an exit code in `cli::exit`.

use std::{fmt, io, sync::Arc};

/// Result with scanmill's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Stable code of a warning or error (DATA_MODEL section 1.2).
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
    /// Error: `--strict` turned the first warning into the end of the input.
    Strict,
    /// Error: an argument or option is wrong.
    Usage,
    /// Error: a table or column does not exist.
    UnknownName,
    /// Error: an output exists, and replacing it was not requested.
    Exists,
    /// Error: an output exists and may not be replaced, because scanmill did not write it.
    NotReplaced,
    /// Error: the output could not be written.
    Output,
    /// Error: a saved state cannot be used.
    State,
    /// Error: a scan failed, or lacks the requested data.
    Scan,
    /// Error: nmap, or another program that a scan needs, does not exist.
    ProgramNotFound,
    /// Error: a list of ports is malformed.
    InvalidPort,
    /// Error: a target is malformed.
    InvalidTarget,
    /// Error: scanmill does not accept an argument of nmap.
    InvalidArgument,
    /// Error: an expression that selects hosts and ports is malformed.
    InvalidFilter,
    /// Error: a query is malformed, asks for something that does not exist, or does more than read.
    InvalidQuery,
    /// Error: a function of a script engine cannot be registered, or failed.
    Engine,
    /// Error: memory, threads or another resource of the machine do not suffice.
    Resource,
    /// Error: a bug in scanmill.
    Internal,
    /// Error: the job was cancelled before it had a result.
    Cancelled,
}

impl DiagnosticCode {
    /// All codes, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
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
        Self::Usage,
        Self::UnknownName,
        Self::Exists,
        Self::NotReplaced,
        Self::Output,
        Self::State,
        Self::Scan,
        Self::ProgramNotFound,
        Self::InvalidPort,
        Self::InvalidTarget,
        Self::InvalidArgument,
        Self::InvalidFilter,
        Self::InvalidQuery,
        Self::Engine,
        Self::Resource,
        Self::Internal,
        Self::Cancelled,
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
            Self::Usage => "E_USAGE",
            Self::UnknownName => "E_UNKNOWN_NAME",
            Self::Exists => "E_EXISTS",
            Self::NotReplaced => "E_NOT_REPLACED",
            Self::Output => "E_OUTPUT",
            Self::State => "E_STATE",
            Self::Scan => "E_SCAN",
            Self::ProgramNotFound => "E_PROGRAM_NOT_FOUND",
            Self::InvalidPort => "E_INVALID_PORT",
            Self::InvalidTarget => "E_INVALID_TARGET",
            Self::InvalidArgument => "E_INVALID_ARGUMENT",
            Self::InvalidFilter => "E_INVALID_FILTER",
            Self::InvalidQuery => "E_INVALID_QUERY",
            Self::Engine => "E_ENGINE",
            Self::Resource => "E_RESOURCE",
            Self::Internal => "E_INTERNAL",
            Self::Cancelled => "E_CANCELLED",
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

/// Reason why an input is not nmap XML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotNmap {
    /// The root element has this name.
    #[error("the root element is <{0}>")]
    Root(String),
    /// No element of nmap was found.
    #[error("no nmaprun element")]
    NoScan,
    /// The input ends before a root element.
    #[error("it ends before a root element")]
    NoRoot,
    /// The XML is inside a string of JSON, CSV or source code, and must be extracted first.
    #[error("it looks like nmap XML inside a quoted string")]
    Quoted,
    /// The angle brackets of the XML are escaped, as in HTML, and it must be extracted first.
    #[error("it looks like nmap XML whose angle brackets are escaped")]
    Escaped,
}

/// Kind of an [`Error`]. Fields hold the parts of the message that a program may need; `message` is
/// the whole message. [`Error::code`] returns the stable code of each kind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A wrong argument or option.
    #[error("{0}")]
    Usage(String),
    /// A table or column that does not exist.
    #[error("{message}")]
    UnknownName {
        /// Name that does not exist.
        name: String,
        /// Names that exist.
        known: Vec<&'static str>,
        /// Message.
        message: String,
    },
    /// An output that exists, while replacing it was not requested.
    #[error("{target} exists")]
    Exists {
        /// Name of the file or folder.
        target: String,
    },
    /// An output that may not be replaced, because it may contain files of other programs.
    #[error("{target} is not replaced: {reason}")]
    NotReplaced {
        /// Name of the folder.
        target: String,
        /// Reason, with the file that shows it.
        reason: String,
    },
    /// The input could not be read.
    #[error("cannot read the input")]
    Io(#[source] io::Error),
    /// The input is not nmap XML.
    #[error("not nmap XML: {0}")]
    NotNmap(NotNmap),
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
    /// A scan that could not be run, that failed, or that lacks the requested data (`NmapScanError`
    /// in Nmapthon).
    #[error("{0}")]
    Scan(String),
    /// A program that a scan needs and that does not exist, usually nmap.
    #[error("{message}")]
    ProgramNotFound {
        /// Name or path of the program.
        program: String,
        /// Message.
        message: String,
    },
    /// A malformed list of ports (`InvalidPortError`).
    #[error("ports: {message}")]
    InvalidPort {
        /// Item of the list that is malformed; empty if there is none.
        item: String,
        /// Message, without the option or argument that it is about.
        message: String,
    },
    /// A malformed target (`MalformedIpAddressError`).
    #[error("targets: {target:?} {message}")]
    InvalidTarget {
        /// Target that is malformed.
        target: String,
        /// Description of the mistake, which follows the target in the message.
        message: String,
    },
    /// An argument of nmap that scanmill does not accept (`InvalidArgumentError`).
    #[error("{0}")]
    InvalidArgument(String),
    /// An expression that selects hosts and ports and that is malformed.
    #[error("{message}")]
    InvalidFilter {
        /// Expression.
        expression: String,
        /// Place of the mistake in the expression, in bytes.
        place: std::ops::Range<usize>,
        /// Message of several lines, which show the place.
        message: String,
    },
    /// A query that is malformed, that asks for something that does not exist, that fails, or that does more than read.
    #[error("{message}")]
    InvalidQuery {
        /// SQL of the query.
        sql: String,
        /// Place of the mistake in the SQL, in bytes, if it is known.
        place: Option<std::ops::Range<usize>>,
        /// Message of one or several lines, which show the place.
        message: String,
    },
    /// A function of a script engine that cannot be registered, or failed (`EngineError`).
    #[error("{message}")]
    Engine {
        /// Name of the script.
        script: String,
        /// Message.
        message: String,
    },
    /// Threads or another resource of the machine that do not suffice.
    #[error("{0}")]
    Resource(String),
    /// Data of a job that exceeds the memory that the job may take.
    #[error("{0}")]
    MemoryLimit(String),
    /// A job that was cancelled before it had a result.
    #[error("{0}")]
    Cancelled(String),
    /// A bug in scanmill; please report it.
    #[error("internal error: {0}")]
    Internal(String),
    /// A saved state of another job, or one that cannot continue with these inputs. The state is not damaged.
    #[error("{message}")]
    StateMismatch {
        /// File or folder of the state.
        path: String,
        /// Message, which names the file or folder.
        message: String,
    },
    /// A saved state that is damaged, that has another version, or that is not a saved state.
    #[error("{message}")]
    State {
        /// File of the state.
        path: String,
        /// Message, which names the file.
        message: String,
    },
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

impl ErrorKind {
    /// Returns the stable code of the kind (DATA_MODEL section 1.2).
    #[must_use]
    pub const fn code(&self) -> DiagnosticCode {
        match self {
            Self::Usage(_) | Self::StateMismatch { .. } => DiagnosticCode::Usage,
            Self::UnknownName { .. } => DiagnosticCode::UnknownName,
            Self::Exists { .. } => DiagnosticCode::Exists,
            Self::NotReplaced { .. } => DiagnosticCode::NotReplaced,
            Self::Io(_) => DiagnosticCode::Io,
            Self::NotNmap(_) => DiagnosticCode::NotNmap,
            Self::Decompress(_) => DiagnosticCode::Decompress,
            Self::Strict { .. } => DiagnosticCode::Strict,
            Self::Scan(_) => DiagnosticCode::Scan,
            Self::ProgramNotFound { .. } => DiagnosticCode::ProgramNotFound,
            Self::InvalidPort { .. } => DiagnosticCode::InvalidPort,
            Self::InvalidTarget { .. } => DiagnosticCode::InvalidTarget,
            Self::InvalidArgument(_) => DiagnosticCode::InvalidArgument,
            Self::InvalidFilter { .. } => DiagnosticCode::InvalidFilter,
            Self::InvalidQuery { .. } => DiagnosticCode::InvalidQuery,
            Self::Engine { .. } => DiagnosticCode::Engine,
            Self::Resource(_) | Self::MemoryLimit(_) => DiagnosticCode::Resource,
            Self::Cancelled(_) => DiagnosticCode::Cancelled,
            Self::Internal(_) => DiagnosticCode::Internal,
            Self::State { .. } => DiagnosticCode::State,
            Self::Sink { .. } => DiagnosticCode::Output,
        }
    }

    /// Returns true if the error is about an input: it then ends that input alone, and messages
    /// begin with its code.
    #[must_use]
    pub const fn is_input_error(&self) -> bool {
        matches!(self, Self::Io(_) | Self::NotNmap(_) | Self::Decompress(_) | Self::Strict { .. })
    }
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

    /// Creates an error about a resource of the machine, such as memory, that does not suffice.
    #[must_use]
    pub fn resource(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Resource(message.into()))
    }

    /// Creates an error about data that exceeds the memory that a job may take.
    #[must_use]
    pub(crate) fn memory_limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::MemoryLimit(message.into()))
    }

    /// Creates an error that only a bug in scanmill can cause.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal(message.into()))
    }

    /// Creates an error about a saved state in the file `path`, which `message` names.
    #[must_use]
    pub fn state(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::State { path: path.into(), message: message.into() })
    }

    /// Creates an error about a saved state that belongs to another job, in the file or folder `path`, which `message`
    /// names.
    #[must_use]
    pub(crate) fn state_mismatch(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::StateMismatch { path: path.into(), message: message.into() })
    }

    /// Creates an error about a scan.
    #[must_use]
    pub fn scan(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Scan(message.into()))
    }

    /// Returns true if the error is about a scan, its targets, ports or arguments: one of the kinds
    /// that correspond to `NmapScanError` and its subclasses in Nmapthon.
    #[must_use]
    pub fn is_scan_error(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Scan(_)
                | ErrorKind::ProgramNotFound { .. }
                | ErrorKind::InvalidPort { .. }
                | ErrorKind::InvalidTarget { .. }
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

    /// Returns the stable code of the error, such as `E_NOT_NMAP` (DATA_MODEL section 1.2). Codes are
    /// never renamed or used for another kind.
    #[must_use]
    pub fn code(&self) -> DiagnosticCode {
        self.0.kind.code()
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
        if self.0.kind.is_input_error() {
            write!(f, "{}: ", self.code())?;
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
        let error = Error::new(ErrorKind::NotNmap(NotNmap::Root("html".into())))
            .with_position(Position { byte: 40, line: 2 })
            .with_input("a.xml");
        assert_eq!(
            error.to_string(),
            "a.xml:2: E_NOT_NMAP: not nmap XML: the root element is <html> (byte 40)"
        );
    }
}
