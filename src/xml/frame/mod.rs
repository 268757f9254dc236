//! The framer: cuts the stream at memchr speed into hosts and pieces of what stands between them. A host
//! is what is held in memory, and the unit of work.
//!
//! `<host` always begins a host (rule R8), so that hosts can be cut out without knowing which elements are open.
//! What must be known is whether a `<!` or `<?` stands in a tag that is open: there it means nothing (R3).
//!
//! Two things hold for all readers of a stream, and end them:
//!
//! - **Progress.** Each step of a loop over pieces, tokens or markup passes at least one byte, asks for more bytes,
//!   or ends. [`Framer::next`], the decoder, the tokens and the repair check that of themselves; a release
//!   build, in which a check would be late, passes a byte or ends instead.
//! - **No cut shows.** A piece hangs on the bytes of the stream and on the limits, never on how many bytes are
//!   there: what more bytes could change is not decided before they come. So a tag over its limit is dropped when
//!   its end is known, too.

mod between;
mod foreign;
mod host;
mod inside;
mod long;
mod opening;
mod strings;

use std::mem;

pub(super) use self::foreign::Around;
use self::{inside::InsideTags, strings::JsonText};
use super::{
    lex::{Closers, End, Mark, TagScan, to_u64},
    prolog::begins_document,
};
use crate::limits::Limits;

/// What the framer found at the start of its bytes. It stays there until [`Framer::consume`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    /// Bytes from the start.
    pub(super) len: usize,
}

/// The kind of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bytes before the first document that belong to none (rule R1).
    Junk,
    /// Comments, PIs and what is skipped: nothing to read.
    Skip,
    /// `<?xml ... ?>`: a document begins.
    Decl,
    /// A DOCTYPE.
    Doctype { subset: bool, nmap: bool },
    /// Tags and text of a document that is none of nmap's.
    Foreign,
    /// Whole tags and text between hosts.
    Run,
    /// The start tag of a scan, alone.
    RunStart,
    /// The start tag of a scan, cut by the end of the input.
    RunCut,
    /// An opener without an end, dropped (rule R8).
    Lost,
    /// The `<` of a tag beyond the cap; [`Framer::long_tag`] has its name. The tag is dropped.
    LongTag,
    /// The end of that tag, and whether an element is open then: it is not if the tag is that of an empty one or
    /// is broken off.
    LongTagEnd { opens: bool },
    /// A host, up to its end tag or to what ends it.
    Host(HostEnd),
}

/// How a host ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostEnd {
    /// By its end tag.
    Closed,
    /// By the next host.
    NextHost,
    /// By the next document.
    NextDocument,
    /// By the end tag of the scan.
    RunEnd,
    /// By the end of the input.
    Input,
    /// It is beyond the cap; what follows of it is skipped.
    Limit,
}

/// Bytes of whole run-level markup gathered into one piece.
const RUN_PIECE: usize = 64 << 10;

/// DOCTYPEs without an end that are looked for one, in one input; each look may cost the cap.
const LOST_DOCTYPES: u32 = 64;

/// Declarations in tags that are looked behind for a scan and have none, in one input.
const LOST_PROLOGS: u32 = 64;

/// Changes of the mode in a row: from seeking to between hosts to in a host.
const MODES: usize = 4;

/// Length of `<host`.
const HOST_OPENER: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Before the first document.
    Seek,
    /// Between hosts.
    Run,
    /// In a host.
    Host,
    /// In the rest of a host beyond the cap.
    SkipHost,
    /// In the rest of a tag beyond the cap.
    SkipTag,
}

/// What the framer is in, within a host.
#[derive(Debug, Clone, Copy)]
enum Open {
    /// In no markup.
    Text,
    /// In the tag that begins at this place, or behind it.
    Tag(usize),
    /// The same, and the beginning of the tag was consumed.
    Rest(TagScan),
    /// In a tag that is broken, up to the next one.
    Broken,
}

/// Cuts bytes into pieces; fed with any cut of the stream it gives the same pieces of hosts, and pieces
/// of runs that hold the same markup.
#[derive(Debug)]
pub(super) struct Framer {
    buf: Vec<u8>,
    /// First byte not consumed.
    start: usize,
    /// Bytes from the start that need not be looked at again.
    scan: usize,
    /// Place of the last markup of a host.
    mark: usize,
    open: Open,
    /// Place of `start` in the stream.
    base: u64,
    mode: Mode,
    last: bool,
    tag: TagScan,
    tag_at: Option<usize>,
    closers: Closers,
    lost_doctypes: u32,
    lost_prologs: u32,
    long_tag: Vec<u8>,
    /// Whether each tag and each text between hosts is a piece of its own.
    stepwise: bool,
    /// Whether all markup of the host that was passed is plain; told only if that is asked for.
    plain: bool,
    tells_plain: bool,
    inside: InsideTags,
    around: Around,
    /// Whether text was skipped before the first document.
    text_before: bool,
    /// That text, read as JSON.
    json: JsonText,
    /// Whether a scan stands in a string of it.
    is_quoted: bool,
    limits: Limits,
}

impl Framer {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            buf: Vec::new(),
            start: 0,
            scan: 0,
            mark: 0,
            open: Open::Text,
            base: 0,
            mode: Mode::Seek,
            last: false,
            tag: TagScan::default(),
            tag_at: None,
            closers: Closers::default(),
            lost_doctypes: 0,
            lost_prologs: 0,
            long_tag: Vec::new(),
            stepwise: false,
            plain: false,
            tells_plain: false,
            inside: InsideTags::default(),
            around: Around::default(),
            text_before: false,
            json: JsonText::default(),
            is_quoted: false,
            limits,
        }
    }

    /// Goes to the start of another input, as new but for up to so many bytes of the memory that it has.
    pub(super) fn restart(&mut self, kept: usize) {
        let mut buf = mem::take(&mut self.buf);
        buf.clear();
        buf.shrink_to(kept);
        let stepwise = self.stepwise;
        *self = Self { buf, stepwise, ..Self::new(self.limits.clone()) };
    }

    /// Makes a piece of each tag and each text between hosts.
    pub(super) fn read_stepwise(&mut self) {
        self.stepwise = true;
    }

    /// Has [`Self::is_plain`] tell of hosts.
    pub(super) fn tell_plain(&mut self) {
        self.tells_plain = true;
    }

    /// Whether the host that was found holds no markup but tags of elements that belong in a host: reading it
    /// then says nothing of the scan around it, nor of the elements behind it. False if nobody asked for it.
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Where new bytes are appended.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        if self.start > self.buf.len() / 2 {
            self.buf.drain(..self.start.min(self.buf.len()));
            self.start = 0;
        }
        &mut self.buf
    }

    /// No more bytes will come.
    pub(super) fn finish(&mut self) {
        self.last = true;
    }

    /// The bytes that are not consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buf.get(self.start..).unwrap_or_default()
    }

    /// Whether no more bytes will come.
    pub(super) fn is_last(&self) -> bool {
        self.last
    }

    /// The name of the tag beyond the cap.
    pub(super) fn long_tag(&self) -> &[u8] {
        &self.long_tag
    }

    /// Forgets the first bytes. What is left of a host then is read as what stands between hosts.
    pub(super) fn consume(&mut self, len: usize) {
        let len = len.min(self.bytes().len());
        self.start = self.start.saturating_add(len);
        self.base = self.base.saturating_add(to_u64(len));
        self.scan = 0;
        self.mark = 0;
        self.tag_at = None;
        if self.mode != Mode::SkipHost {
            self.open = Open::Text;
        }
        if self.mode == Mode::Host {
            self.mode = Mode::Run;
        }
    }

    /// The next piece; `None` if more bytes are needed. With `want_text`, text between tags is kept.
    pub(super) fn next(&mut self, want_text: bool, around: Around) -> Option<Piece> {
        if self.bytes().is_empty() {
            return None;
        }
        self.around = around;
        for _ in 0..MODES {
            let found = match self.mode {
                Mode::Seek => self.seek(),
                Mode::Run if around == Around::Foreign => self.foreign(),
                Mode::Run => self.run(want_text),
                Mode::Host | Mode::SkipHost => self.host(),
                Mode::SkipTag => self.skip_tag(),
            };
            match found {
                Step::Piece(piece) => {
                    let within = 1..=self.bytes().len();
                    debug_assert!(within.contains(&piece.len), "a piece of no bytes: {piece:?}");
                    return Some(Piece { len: piece.len.max(1), ..piece });
                }
                Step::More => return None,
                Step::Again => {}
            }
        }
        debug_assert!(false, "the modes of the framer change in a circle");
        Some(Piece { kind: Kind::Skip, len: 1 })
    }

    /// Whether a scan was met in a string of JSON.
    pub(super) fn is_quoted(&self) -> bool {
        self.is_quoted
    }

    /// The place of the first byte that is not consumed.
    pub(super) fn place(&self) -> u64 {
        self.base
    }

    fn at(&self, at: usize) -> &[u8] {
        self.bytes().get(at..).unwrap_or_default()
    }

    /// The place of the next `<` at or behind a place.
    fn next_mark(&self, at: usize) -> Option<usize> {
        memchr::memchr(b'<', self.at(at)).map(|found| at.saturating_add(found))
    }

    /// The end of the comment, PI or CDATA section at a place, as a place.
    fn markup_end(&mut self, mark: Mark, at: usize) -> End {
        let base = self.base.saturating_add(to_u64(at));
        let bytes = self.buf.get(self.start.saturating_add(at)..).unwrap_or_default();
        match self.closers.end(mark, bytes, base, self.limits.markup, self.last) {
            End::At(len) => End::At(at.saturating_add(len)),
            End::Broken(len) => End::Broken(at.saturating_add(len)),
            other => other,
        }
    }

    /// Sees to it that a loop over markup advances: what was looked at ends behind `at`.
    fn advance_behind(&mut self, at: usize) {
        debug_assert!(self.scan > at, "the framer stands still at {at} of {:?}", self.mode);
        self.scan = self.scan.max(at.saturating_add(1));
    }

    /// The end of the tag at a place, as a place; goes on where it stopped.
    fn tag_end(&mut self, at: usize) -> End {
        if self.tag_at != Some(at) {
            self.tag = TagScan::default();
            self.tag_at = Some(at);
        }
        self.go_on(at)
    }

    /// The end of the tag of which [`Self::tag`] is the search, and a place that of its first byte.
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

    /// Whether the declaration at a place in a tag introduces a document; `None` if more bytes may tell.
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
        self.scan = 0;
        Step::Again
    }
}

enum Step {
    Piece(Piece),
    /// More bytes are needed.
    More,
    /// The mode changed.
    Again,
}

impl Step {
    const fn piece(kind: Kind, len: usize) -> Self {
        Self::Piece(Piece { kind, len })
    }

    const fn piece_or_more(kind: Kind, len: usize) -> Self {
        if len == 0 { Self::More } else { Self::piece(kind, len) }
    }
}
