//! Framer: cuts the stream into frames, which are hosts or parts of the markup between them, at memchr speed. A host is
//! the unit of work, and the most that is held in memory at once.
//!
//! `<host` always begins a host inside a scan (rule R8), so that hosts can be cut out without knowing which elements
//! are open. The framer only has to know if a `<!` or `<?` is inside an open tag, where it has no meaning (rule
//! R3). The grammar is that of [`super::lex`], which the tokens share: a host ends exactly where its tokens end it.
//!
//! The decoder appends bytes to [`Framer::buffer`], asks for the [next](Framer::next) frame, reads it from
//! [`Framer::bytes`] and [consumes](Framer::consume) it. Nothing is copied. Each [`Mode`] is a file with its own
//! function, which returns a frame, asks for more bytes, or changes the mode: seeking the first document
//! (`document_start`, `json_text`), between hosts (`scan_markup`, or `foreign_document` in a document of another
//! format), in a host (`host`, with a cache of tags in `tag_cache`), in the rest of a host or a tag above its limit
//! (`host`, `oversized_tag`).
//!
//! Two invariants hold for all readers of a stream:
//!
//! - **Progress.** Each step of a loop over frames, tokens or markup passes at least one byte, asks for more bytes, or
//!   ends. [`Framer::next`], the decoder, the tokens and the repair check this themselves; a release build, in which a
//!   check would come too late, passes a byte or ends instead.
//! - **Independence of chunks.** A frame depends on the bytes of the stream and on the limits, never on how many bytes
//!   are available: nothing is decided that more bytes could change. For the same reason, a tag above its limit is
//!   dropped even if its end is already known.
//!
//! A new kind of frame needs a [`FrameKind`], the mode that returns it, and an arm in `Decoder::frame`; a new mode may
//! raise [`MODES`]. The fuzz target `frames` checks both invariants with arbitrary chunks.

mod document_start;
mod foreign_document;
mod host;
mod json_text;
mod oversized_tag;
mod scan_markup;
mod tag_cache;

use std::mem;

pub(super) use self::foreign_document::Surroundings;
use self::{json_text::JsonText, tag_cache::HostTagCache};
use super::{
    lex::{End, MarkupKind, TagScanner, TerminatorCache, to_u64},
    prolog::begins_document,
};
use crate::limits::Limits;

/// Frame found at the start of the framer's bytes. The bytes stay there until [`Framer::consume`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: FrameKind,
    /// Length in bytes from the start.
    pub(super) len: usize,
}

/// Kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// Bytes before the first document, which belong to no document (rule R1).
    Junk,
    /// Comments, processing instructions and skipped markup, which are not read.
    Skip,
    /// `<?xml ... ?>`: a document begins.
    Declaration,
    /// A DOCTYPE.
    Doctype { subset: bool, nmap: bool },
    /// Tags and text of a document of another format.
    Foreign,
    /// Complete tags and text between hosts.
    Markup,
    /// The start tag of a scan, alone.
    ScanStart,
    /// The start tag of a scan, truncated by the end of the input.
    TruncatedScanStart,
    /// An opener without an end, which is dropped (rule R8).
    UnclosedMarkup,
    /// The `<` of a tag above the limit; [`Framer::oversized_tag`] returns its name. The tag is dropped.
    OversizedTag,
    /// The end of that tag. `opens` is true if its element is then open: not if the tag is that of an empty element or
    /// broken off.
    OversizedTagEnd { opens: bool },
    /// A host, up to its end tag or to whatever ends it.
    Host(HostEnd),
}

/// Reason why a host ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostEnd {
    /// Its end tag.
    Closed,
    /// The next host.
    NextHost,
    /// The next document.
    NextDocument,
    /// The end tag of the scan.
    ScanEnd,
    /// The end of the input.
    Input,
    /// The limit; the rest of the host is skipped.
    Limit,
}

/// Number of bytes of complete markup between hosts that are gathered into one frame.
const SCAN_FRAME_BYTES: usize = 64 << 10;

/// Maximum number of DOCTYPEs without an end per input that are searched for one; each search may cost as much as the
/// limit.
const LOST_DOCTYPES: u32 = 64;

/// Maximum number of declarations in tags per input after which a scan is searched for in vain.
const LOST_PROLOGS: u32 = 64;

/// Maximum number of consecutive mode changes: seeking, between hosts, in a host.
const MODES: usize = 4;

/// Length of `<host`.
const HOST_OPENER: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Before the first document.
    Seek,
    /// Between hosts.
    Scan,
    /// In a host.
    Host,
    /// In the rest of a host above the limit.
    SkipHost,
    /// In the rest of a tag above the limit.
    SkipTag,
}

/// Open markup within a host.
#[derive(Debug, Clone, Copy)]
enum Open {
    /// No markup.
    Text,
    /// The tag that begins at this position, or the text after it.
    Tag(usize),
    /// A tag whose beginning was consumed.
    Rest(TagScanner),
    /// A broken tag, up to the next one.
    Broken,
}

/// Cuts bytes into frames. For any division of the stream into chunks it returns the same hosts, and frames between
/// hosts with the same markup.
#[derive(Debug)]
pub(super) struct Framer {
    buf: Vec<u8>,
    /// Index of the first byte that is not consumed.
    start: usize,
    /// Number of bytes from the start that need not be examined again.
    examined: usize,
    /// Position of the last markup of a host.
    mark: usize,
    open: Open,
    /// Position of `start` in the stream.
    base: u64,
    mode: Mode,
    last: bool,
    tag: TagScanner,
    tag_at: Option<usize>,
    terminators: TerminatorCache,
    lost_doctypes: u32,
    lost_prologs: u32,
    oversized_tag: Vec<u8>,
    /// True if each tag and each text between hosts is a frame of its own.
    stepwise: bool,
    /// True if all markup of the host that was passed is plain; set only on request.
    plain: bool,
    tracks_plain_hosts: bool,
    tag_cache: HostTagCache,
    surroundings: Surroundings,
    /// True if text was skipped before the first document.
    text_before: bool,
    /// State of a JSON parser after that text.
    json: JsonText,
    /// True if a scan was found inside a string of that text.
    is_quoted: bool,
    limits: Limits,
}

impl Framer {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            buf: Vec::new(),
            start: 0,
            examined: 0,
            mark: 0,
            open: Open::Text,
            base: 0,
            mode: Mode::Seek,
            last: false,
            tag: TagScanner::default(),
            tag_at: None,
            terminators: TerminatorCache::default(),
            lost_doctypes: 0,
            lost_prologs: 0,
            oversized_tag: Vec::new(),
            stepwise: false,
            plain: false,
            tracks_plain_hosts: false,
            tag_cache: HostTagCache::default(),
            surroundings: Surroundings::default(),
            text_before: false,
            json: JsonText::default(),
            is_quoted: false,
            limits,
        }
    }

    /// Resets the framer to the start of another input, keeping at most `kept` bytes of its memory.
    pub(super) fn reset(&mut self, kept: usize) {
        let mut buf = mem::take(&mut self.buf);
        buf.clear();
        buf.shrink_to(kept);
        let stepwise = self.stepwise;
        *self = Self { buf, stepwise, ..Self::new(self.limits.clone()) };
    }

    /// Makes a separate frame of each tag and each text between hosts.
    pub(super) fn read_stepwise(&mut self) {
        self.stepwise = true;
    }

    /// Enables [`Self::is_plain`].
    pub(super) fn track_plain_hosts(&mut self) {
        self.tracks_plain_hosts = true;
    }

    /// Returns true if the host that was found has no markup other than tags of elements that belong in a host: parsing
    /// it then affects neither the scan around it nor the elements after it. Always false unless enabled.
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Returns the buffer to which new bytes are appended.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        if self.start > self.buf.len() / 2 {
            self.buf.drain(..self.start.min(self.buf.len()));
            self.start = 0;
        }
        &mut self.buf
    }

    /// Ends the input.
    pub(super) fn finish(&mut self) {
        self.last = true;
    }

    /// Returns the bytes that are not consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buf.get(self.start..).unwrap_or_default()
    }

    /// Returns true if no more bytes will come.
    pub(super) fn is_last(&self) -> bool {
        self.last
    }

    /// Returns the name of the tag above the limit.
    pub(super) fn oversized_tag(&self) -> &[u8] {
        &self.oversized_tag
    }

    /// Consumes the first bytes. The rest of a host is then read like markup between hosts.
    pub(super) fn consume(&mut self, len: usize) {
        debug_assert!(len <= self.bytes().len(), "{len} bytes are not there");
        let len = len.min(self.bytes().len());
        self.start = self.start.saturating_add(len);
        self.base = self.base.saturating_add(to_u64(len));
        self.examined = 0;
        self.mark = 0;
        self.tag_at = None;
        if self.mode != Mode::SkipHost {
            self.open = Open::Text;
        }
        if self.mode == Mode::Host {
            self.mode = Mode::Scan;
        }
    }

    /// Returns the next frame, or `None` if more bytes are needed. With `want_text`, text between tags is kept.
    pub(super) fn next(&mut self, want_text: bool, surroundings: Surroundings) -> Option<Frame> {
        if self.bytes().is_empty() {
            return None;
        }
        self.surroundings = surroundings;
        for _ in 0..MODES {
            let found = match self.mode {
                Mode::Seek => self.seek(),
                Mode::Scan if surroundings == Surroundings::Foreign => self.foreign(),
                Mode::Scan => self.scan_markup(want_text),
                Mode::Host | Mode::SkipHost => self.host(),
                Mode::SkipTag => self.skip_tag(),
            };
            match found {
                Step::Frame(frame) => {
                    let within = 1..=self.bytes().len();
                    debug_assert!(within.contains(&frame.len), "a piece of no bytes: {frame:?}");
                    return Some(Frame { len: frame.len.max(1), ..frame });
                }
                Step::More => return None,
                Step::Continue => {}
            }
        }
        debug_assert!(false, "the modes of the framer change in a circle");
        Some(Frame { kind: FrameKind::Skip, len: 1 })
    }

    /// Returns true if a scan was found inside a string of JSON.
    pub(super) fn is_quoted(&self) -> bool {
        self.is_quoted
    }

    /// Returns the stream position of the first byte that is not consumed.
    pub(super) fn place(&self) -> u64 {
        self.base
    }

    fn at(&self, at: usize) -> &[u8] {
        self.bytes().get(at..).unwrap_or_default()
    }

    /// Returns the position of the next `<` at or after `at`.
    fn next_mark(&self, at: usize) -> Option<usize> {
        memchr::memchr(b'<', self.at(at)).map(|found| at.saturating_add(found))
    }

    /// Returns the end of the comment, processing instruction or CDATA section at `at`, as a position.
    fn markup_end(&mut self, mark: MarkupKind, at: usize) -> End {
        let base = self.base.saturating_add(to_u64(at));
        let bytes = self.buf.get(self.start.saturating_add(at)..).unwrap_or_default();
        match self.terminators.end(mark, bytes, base, self.limits.max_markup_bytes, self.last) {
            End::At(len) => End::At(at.saturating_add(len)),
            End::Broken(len) => End::Broken(at.saturating_add(len)),
            other => other,
        }
    }

    /// Ensures that a loop over markup advances: the examined bytes must extend past `at`.
    fn advance_past(&mut self, at: usize) {
        debug_assert!(
            self.examined > at,
            "the framer makes no progress at {at} of {:?}",
            self.mode
        );
        self.examined = self.examined.max(at.saturating_add(1));
    }

    /// Returns the end of the tag at `at`, as a position. Continues an earlier search.
    fn tag_end(&mut self, at: usize) -> End {
        if self.tag_at != Some(at) {
            self.tag = TagScanner::default();
            self.tag_at = Some(at);
        }
        self.go_on(at)
    }

    /// Continues the search [`Self::tag`] for the end of a tag that begins at `at`.
    fn go_on(&mut self, at: usize) -> End {
        loop {
            let bytes = self.buf.get(self.start.saturating_add(at)..).unwrap_or_default();
            match self.tag.end(bytes) {
                End::Declaration(len) => match self.introduces(at.saturating_add(len)) {
                    Some(true) => return End::Broken(at.saturating_add(len)),
                    Some(false) => self.tag.pass(),
                    None => return End::More,
                },
                End::At(len) => return End::At(at.saturating_add(len)),
                End::Broken(len) => return End::Broken(at.saturating_add(len)),
                End::More if self.last => return End::Lost,
                other => return other,
            }
        }
    }

    /// Returns true if the declaration at a position inside a tag introduces a document, and `None` if more bytes are
    /// needed to decide.
    fn introduces(&mut self, at: usize) -> Option<bool> {
        if self.lost_prologs >= LOST_PROLOGS {
            return Some(false);
        }
        let found = begins_document(self.at(at), self.last);
        if found == Some(false) {
            self.lost_prologs = self.lost_prologs.saturating_add(1);
        }
        found
    }

    fn enter(&mut self, mode: Mode) -> Step {
        self.mode = mode;
        self.examined = 0;
        Step::Continue
    }
}

enum Step {
    Frame(Frame),
    /// More bytes are needed.
    More,
    /// The mode changed.
    Continue,
}

impl Step {
    const fn frame(kind: FrameKind, len: usize) -> Self {
        Self::Frame(Frame { kind, len })
    }

    const fn frame_or_more(kind: FrameKind, len: usize) -> Self {
        if len == 0 { Self::More } else { Self::frame(kind, len) }
    }
}
