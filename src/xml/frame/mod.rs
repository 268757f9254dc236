//! The framer: cuts the stream at memchr speed into hosts and pieces of what stands between them. A host
//! is what is held in memory, and the unit of work.
//!
//! A raw `<` always begins markup (rule R3), and `<host` always begins a host (R8), so that hosts can be
//! cut out without knowing what is open.

mod host;
mod inside;
mod long;

use std::mem;

use self::inside::InsideTags;
use super::lex::{
    Closers, End, Mark, TagScan, classify, cut_character, doctype_end, is_nmap_doctype, to_u64,
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
    /// The end of that tag.
    LongTagEnd { empty: bool },
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
    /// Place of `start` in the stream.
    base: u64,
    mode: Mode,
    last: bool,
    tag: TagScan,
    tag_at: Option<usize>,
    closers: Closers,
    lost_doctypes: u32,
    long_tag: Vec<u8>,
    /// In a tag beyond the cap: the open quote, and the byte before.
    long_state: (u8, u8),
    /// Whether all markup of the host that was passed is plain; told only if that is asked for.
    plain: bool,
    tells_plain: bool,
    inside: InsideTags,
    limits: Limits,
}

impl Framer {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            buf: Vec::new(),
            start: 0,
            scan: 0,
            mark: 0,
            base: 0,
            mode: Mode::Seek,
            last: false,
            tag: TagScan::default(),
            tag_at: None,
            closers: Closers::default(),
            lost_doctypes: 0,
            long_tag: Vec::new(),
            long_state: (0, 0),
            plain: false,
            tells_plain: false,
            inside: InsideTags::default(),
            limits,
        }
    }

    /// Goes to the start of another input, as new but for up to so many bytes of the memory that it has.
    pub(super) fn restart(&mut self, kept: usize) {
        let mut buf = mem::take(&mut self.buf);
        buf.clear();
        buf.shrink_to(kept);
        *self = Self { buf, ..Self::new(self.limits.clone()) };
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
        if self.mode == Mode::Host {
            self.mode = Mode::Run;
        }
    }

    /// The next piece; `None` if more bytes are needed. With `want_text`, text between tags is kept.
    pub(super) fn next(&mut self, want_text: bool) -> Option<Piece> {
        if self.bytes().is_empty() {
            return None;
        }
        loop {
            let found = match self.mode {
                Mode::Seek => self.seek(),
                Mode::Run => self.run(want_text),
                Mode::Host | Mode::SkipHost => self.host(),
                Mode::SkipTag => self.skip_tag(),
            };
            match found {
                Step::Piece(piece) => return Some(piece),
                Step::More => return None,
                Step::Again => {}
            }
        }
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
            other => other,
        }
    }

    /// The end of the tag at a place, as a place; goes on where it stopped.
    fn tag_end(&mut self, at: usize) -> End {
        if self.tag_at != Some(at) {
            self.tag = TagScan::default();
            self.tag_at = Some(at);
        }
        let bytes = self.buf.get(self.start.saturating_add(at)..).unwrap_or_default();
        match self.tag.end(bytes) {
            End::At(len) => End::At(at.saturating_add(len)),
            End::Broken(len) => End::Broken(at.saturating_add(len)),
            End::More if self.last => End::Lost,
            other => other,
        }
    }

    fn seek(&mut self) -> Step {
        match self.next_mark(0) {
            None => return Step::piece_or_more(Kind::Junk, self.bytes().len()),
            Some(0) => {}
            Some(at) => return Step::piece(Kind::Junk, at),
        }
        match classify(self.at(0), self.last) {
            Mark::Unsure => Step::More,
            Mark::Comment => match self.markup_end(Mark::Comment, 0) {
                End::At(end) => Step::piece(Kind::Skip, end),
                End::More => Step::More,
                _ => Step::piece(Kind::Junk, Mark::Comment.opener()),
            },
            Mark::Doctype if !is_nmap_doctype(self.at(0)) => {
                // Its name may not have come yet.
                let (end, _) = doctype_end(self.at(0), 64, self.last);
                if end == End::More { Step::More } else { Step::piece(Kind::Junk, 1) }
            }
            Mark::Decl | Mark::Doctype | Mark::Run => self.enter(Mode::Run),
            Mark::Host if self.at(0).get(5) != Some(&b'/') => self.enter(Mode::Run),
            _ => Step::piece(Kind::Junk, 1),
        }
    }

    fn enter(&mut self, mode: Mode) -> Step {
        self.mode = mode;
        self.scan = 0;
        Step::Again
    }

    fn run(&mut self, want_text: bool) -> Step {
        loop {
            let gathered = self.scan;
            if gathered >= RUN_PIECE {
                return Step::piece(Kind::Run, gathered);
            }
            let Some(at) = self.next_mark(gathered) else { return self.run_text(want_text) };
            let mark = classify(self.at(at), self.last);
            // Everything but tags and CDATA stands alone.
            if at > 0 && !matches!(mark, Mark::Tag | Mark::RunEnd | Mark::HostEnd | Mark::Cdata) {
                let len = if mark == Mark::Unsure { gathered } else { at };
                return if len == 0 { Step::More } else { Step::piece(Kind::Run, len) };
            }
            match mark {
                Mark::Host => return self.enter(Mode::Host),
                Mark::Unsure => return Step::More,
                Mark::Doctype => return self.doctype(),
                Mark::Comment | Mark::Pi | Mark::Decl => {
                    let kind = if mark == Mark::Decl { Kind::Decl } else { Kind::Skip };
                    return match self.markup_end(mark, 0) {
                        End::At(end) => Step::piece(kind, end),
                        End::More => Step::More,
                        _ => Step::piece(Kind::Lost, mark.opener()),
                    };
                }
                Mark::Cdata => match self.markup_end(mark, at) {
                    End::At(end) => self.scan = end,
                    End::More => return Step::piece_or_more(Kind::Run, gathered),
                    _ if at == 0 => return Step::piece(Kind::Lost, mark.opener()),
                    _ => return Step::piece(Kind::Run, at),
                },
                _ => match self.tag_end(at) {
                    End::At(end) if mark == Mark::Run => return Step::piece(Kind::RunStart, end),
                    End::Broken(end) if mark == Mark::Run => {
                        return Step::piece(Kind::RunStart, end);
                    }
                    End::At(end) | End::Broken(end) => self.scan = end,
                    End::More if at > 0 => return Step::piece(Kind::Run, at),
                    End::More => return self.long(),
                    End::Lost if mark == Mark::Run => {
                        return Step::piece(Kind::RunCut, self.bytes().len());
                    }
                    End::Lost => return Step::piece(Kind::Run, self.bytes().len()),
                },
            }
        }
    }

    /// No markup follows what was gathered, only text.
    fn run_text(&mut self, want_text: bool) -> Step {
        let len = self.bytes().len();
        if self.scan > 0 {
            Step::piece(Kind::Run, self.scan)
        } else if len == 0 {
            Step::More
        } else if self.last {
            Step::piece(Kind::Run, len)
        } else if !want_text || len > self.limits.value.saturating_add(4) {
            // Of a wanted text, bytes beyond the cap tell the reader that the value is to be cut; text
            // that follows is added to a value that is full. No character is cut in two.
            Step::piece_or_more(Kind::Run, len.saturating_sub(cut_character(self.bytes())))
        } else {
            Step::More
        }
    }

    fn doctype(&mut self) -> Step {
        let nmap = is_nmap_doctype(self.at(0));
        let (end, subset) = if self.lost_doctypes < LOST_DOCTYPES {
            doctype_end(self.at(0), self.limits.markup, self.last)
        } else {
            (End::Lost, false)
        };
        let kind = Kind::Doctype { subset, nmap };
        match end {
            End::At(end) => Step::piece(kind, end),
            End::More => Step::More,
            End::Broken(_) | End::Lost => {
                self.lost_doctypes = self.lost_doctypes.saturating_add(1);
                if nmap && self.last {
                    // Cut behind its name: nmap's all the same.
                    return Step::piece(kind, self.bytes().len());
                }
                Step::piece(Kind::Lost, Mark::Doctype.opener())
            }
        }
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
