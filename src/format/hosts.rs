//! Formats of whole hosts, which have no tables.

/// Format of whole hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostFormat {
    /// JSON: one array with the documents of nested JSONL.
    Json {
        /// True if tasks, host hints and skipped targets are written.
        activities: bool,
    },
    /// nmap's XML: one document, or one document per scan in a folder.
    Xml,
    /// nmap's grepable lines.
    Gnmap,
    /// Blocks of text for people.
    Text {
        /// True if the text is coloured for a terminal.
        color: bool,
    },
    /// Sections of Markdown.
    Markdown,
}
