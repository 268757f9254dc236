//! Cuts out hosts.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{
    super::{
        lex::{End, MarkupKind, TagScanner, classify, is_blank, is_inner_tag, opens_tag},
        token::is_inside_host,
    },
    FrameKind, Framer, HOST_OPENER, HostEnd, Mode, Open, Step,
};

/// Length of `</host>`.
const HOST_CLOSER: usize = 7;

/// Searchers for the names of elements that end a host.
struct Finders {
    host: Finder<'static>,
    run: Finder<'static>,
}

static FINDERS: LazyLock<Finders> =
    LazyLock::new(|| Finders { host: Finder::new("host"), run: Finder::new("nmaprun") });

impl Framer {
    pub(super) fn host(&mut self) -> Step {
        let skipping = self.mode == Mode::SkipHost;
        if self.examined == 0
            && !skipping
            && let Some(step) = self.host_start()
        {
            return step;
        }
        loop {
            let found = self.next_outer_mark();
            let at = found.unwrap_or(self.bytes().len());
            if !skipping && at > self.limits.max_host_bytes {
                return self.overflow();
            }
            self.examined = at;
            if found.is_none() {
                return self.host_pauses(at, skipping);
            }
            if let Some(step) = self.host_mark(at, skipping) {
                return step;
            }
            self.advance_past(at);
        }
    }

    /// Examines the start tag of a host. Returns `None` if the host continues after it.
    fn host_start(&mut self) -> Option<Step> {
        self.plain = self.tracks_plain_hosts;
        let end = self.tag_end(0);
        if self.is_oversized(0, end) {
            // An empty host ends with its start tag.
            self.plain = false;
            self.open = Open::Tag(0);
            self.examined = HOST_OPENER;
        } else {
            match end {
                End::At(end) => {
                    if self.bytes().get(end.saturating_sub(2)) == Some(&b'/') {
                        return Some(Step::frame(FrameKind::Host(HostEnd::Closed), end));
                    }
                    // If plain hosts are reported, each tag is examined anyway.
                    if !self.tracks_plain_hosts
                        && let Some(len) = self.plain_host(end)
                    {
                        return Some(Step::frame(FrameKind::Host(HostEnd::Closed), len));
                    }
                    self.examined = end;
                }
                End::Broken(end) => self.examined = end,
                End::Lost => return Some(Step::frame(FrameKind::Skip, self.bytes().len())),
                _ => return Some(Step::More),
            }
            self.open = Open::Text;
        }
        self.mark = self.examined;
        None
    }

    /// Returns the length of the host whose start tag ends at `start` if it is completely available and no tag in it
    /// has to be examined: nothing could hide its end tag or end it earlier.
    fn plain_host(&self, start: usize) -> Option<usize> {
        if self.limits.max_tag_bytes < HOST_CLOSER {
            return None;
        }
        let bytes = self.bytes().get(start..)?;
        let mut end = None;
        for at in FINDERS.host.find_iter(bytes) {
            let before = bytes.get(..at)?;
            let closes = before.ends_with(b"</");
            let next = *bytes.get(at.saturating_add(4))?;
            if (closes || before.ends_with(b"<")) && (is_blank(next) || matches!(next, b'/' | b'>'))
            {
                end = (closes && next == b'>').then_some(at);
                break;
            }
        }
        let at = end?;
        let inside = bytes.get(..at.saturating_sub(2))?;
        let odd = FINDERS.run.find(inside).is_some()
            || memchr::memchr2_iter(b'!', b'?', inside)
                .any(|at| inside.get(..at).is_some_and(|before| before.ends_with(b"<")));
        let within = start.saturating_add(inside.len()) <= self.limits.max_host_bytes;
        (within && !odd).then(|| start.saturating_add(at).saturating_add(5))
    }

    /// Returns the position of the next `<` that may end the host or hide its end, or of one above the limit. Other
    /// tags are skipped; if plain hosts are reported, only tags that leave it plain are.
    fn next_outer_mark(&mut self) -> Option<usize> {
        let (cap, scan, mut passed) = (self.limits.max_host_bytes, self.examined, None);
        let (plain, inside) = (self.plain, &mut self.tag_cache);
        let bytes = self.buf.get(self.start..).unwrap_or_default();
        let marks = memchr::memchr_iter(b'<', bytes.get(scan..).unwrap_or_default());
        let mut marks = marks.map(|at| scan.saturating_add(at));
        let found = marks.find(|at| {
            let inner = if plain {
                let tag = bytes.get(at.saturating_add(1)..).unwrap_or_default();
                inside.has(tag)
            } else {
                is_inner_tag(bytes, *at)
            };
            let stop = *at > cap || !inner;
            if !stop {
                passed = Some(*at);
            }
            stop
        });
        if let Some(at) = passed {
            (self.mark, self.open) = (at, Open::Tag(at));
        }
        found
    }

    /// Examines the markup at a position of a host. Returns `None` if the host continues after it.
    fn host_mark(&mut self, at: usize, skipping: bool) -> Option<Step> {
        let mark = classify(self.at(at), self.last);
        if mark == MarkupKind::Unsure {
            return Some(self.host_pauses(at, skipping));
        }
        if opens_tag(self.at(at)) != Some(true)
            && matches!(self.open_at(at), Open::Rest(_) | Open::Broken)
        {
            return self.host_tag_broken(mark, at, skipping);
        }
        self.mark = at;
        let end = match mark {
            MarkupKind::Host => return Some(self.host_ends(HostEnd::NextHost, at, skipping)),
            MarkupKind::NmaprunEnd => return Some(self.host_ends(HostEnd::ScanEnd, at, skipping)),
            MarkupKind::Nmaprun => {
                return Some(self.host_ends(HostEnd::NextDocument, at, skipping));
            }
            MarkupKind::HostEnd => {
                self.open = Open::Tag(at);
                let end = self.tag_end(at);
                match end {
                    _ if self.is_oversized(at, end) => {
                        self.plain = false;
                        End::Lost
                    }
                    End::At(end) => return Some(self.host_ends(HostEnd::Closed, end, skipping)),
                    end => end,
                }
            }
            MarkupKind::Comment | MarkupKind::Cdata | MarkupKind::Pi | MarkupKind::Declaration => {
                self.open = Open::Text;
                self.plain = false;
                let end = self.markup_end(mark, at);
                match end {
                    _ if !skipping && self.passes_cap(at, end) => return Some(self.overflow()),
                    End::At(_) if mark == MarkupKind::Declaration => {
                        return Some(self.host_ends(HostEnd::NextDocument, at, skipping));
                    }
                    end => end,
                }
            }
            _ => {
                if self.plain {
                    let tag = self.at(at.saturating_add(1));
                    if !self.last && is_inside_host(tag).is_none() {
                        return Some(self.host_pauses(at, skipping));
                    }
                    self.plain = false;
                }
                self.open = Open::Tag(at);
                End::Lost
            }
        };
        match end {
            End::At(end) => self.examined = end,
            End::Broken(end) => (self.examined, self.open) = (end, Open::Text),
            End::Lost => self.examined = at.saturating_add(mark.opener()),
            _ => return Some(self.host_pauses(at, skipping)),
        }
        None
    }

    /// Examines a `<` inside an open tag that it does not end (rule R3). Returns `None` if the host continues.
    fn host_tag_broken(&mut self, mark: MarkupKind, at: usize, skipping: bool) -> Option<Step> {
        if mark == MarkupKind::Declaration {
            match self.introduces(at) {
                Some(true) => return Some(self.host_ends(HostEnd::NextDocument, at, skipping)),
                Some(false) => {}
                None => return Some(self.host_pauses(at, skipping)),
            }
        }
        self.open = Open::Broken;
        self.plain = false;
        self.examined = at.saturating_add(1);
        None
    }

    /// Returns the markup that is open at a position, given that only the open one precedes it.
    fn open_at(&self, at: usize) -> Open {
        let (start, mut search) = match self.open {
            Open::Tag(start) => (start, TagScanner::default()),
            Open::Rest(search) => (0, search),
            other => return other,
        };
        let tag = self.bytes().get(start..at).unwrap_or_default();
        if matches!(search.end(tag), End::At(_)) {
            return Open::Text;
        }
        search.forget(search.place());
        Open::Rest(search)
    }

    /// Returns true if the markup at a position is known to extend past the limit on the host, which is known once that
    /// many bytes are available, whether or not its end is among them.
    fn passes_cap(&self, at: usize, end: End) -> bool {
        let cap = self.limits.max_host_bytes;
        match end {
            End::At(end) | End::Broken(end) => end > cap,
            _ => self.bytes().len() > cap && at.saturating_add(self.limits.max_markup_bytes) > cap,
        }
    }

    /// Handles missing bytes inside a host: more are needed, or the input ends in it.
    fn host_pauses(&mut self, at: usize, skipping: bool) -> Step {
        match (skipping, self.last) {
            (false, false) => Step::More,
            (false, true) => Step::frame(FrameKind::Host(HostEnd::Input), self.bytes().len()),
            (true, true) => Step::frame(FrameKind::Skip, self.bytes().len()),
            (true, false) => {
                self.tag_at = None;
                self.open = self.open_at(at);
                Step::frame_or_more(FrameKind::Skip, at)
            }
        }
    }

    fn host_ends(&mut self, end: HostEnd, at: usize, skipping: bool) -> Step {
        if !skipping {
            return Step::frame(FrameKind::Host(end), at);
        }
        self.mode = Mode::Scan;
        self.examined = 0;
        if at == 0 { Step::Continue } else { Step::frame(FrameKind::Skip, at) }
    }

    /// Returns the host up to its last markup before the limit, which it exceeds.
    fn overflow(&mut self) -> Step {
        let len = self.mark;
        self.mode = Mode::SkipHost;
        self.open = Open::Text;
        Step::frame(FrameKind::Host(HostEnd::Limit), len)
    }
}
