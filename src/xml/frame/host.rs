//! Cuts hosts.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{
    super::{
        lex::{End, Mark, classify, is_blank, is_inner_tag},
        token::is_inside_host,
    },
    Framer, HOST_OPENER, HostEnd, Kind, Mode, Step,
};

/// Names of elements that end a host.
struct Finders {
    host: Finder<'static>,
    run: Finder<'static>,
}

static FINDERS: LazyLock<Finders> =
    LazyLock::new(|| Finders { host: Finder::new("host"), run: Finder::new("nmaprun") });

impl Framer {
    pub(super) fn host(&mut self) -> Step {
        let skipping = self.mode == Mode::SkipHost;
        if self.scan == 0 && !skipping {
            self.plain = self.tells_plain;
            match self.tag_end(0) {
                End::At(end) => {
                    if self.bytes().get(end.saturating_sub(2)) == Some(&b'/') {
                        return Step::piece(Kind::Host(HostEnd::Closed), end);
                    }
                    // Who asks for more looks at each tag anyway.
                    if !self.tells_plain
                        && let Some(len) = self.plain_host(end)
                    {
                        return Step::piece(Kind::Host(HostEnd::Closed), len);
                    }
                    self.scan = end;
                }
                End::Broken(end) => self.scan = end,
                End::Lost => return Step::piece(Kind::Skip, self.bytes().len()),
                End::More if self.bytes().len() > self.limits.tag => self.scan = HOST_OPENER,
                End::More => return Step::More,
            }
            self.mark = self.scan;
        }
        loop {
            let found = self.next_outer_mark();
            let at = found.unwrap_or(self.bytes().len());
            if !skipping && at > self.limits.host {
                return self.overflow();
            }
            self.scan = at;
            if found.is_none() {
                return self.host_pauses(at, skipping);
            }
            self.mark = at;
            if let Some(step) = self.host_mark(at, skipping) {
                return step;
            }
        }
    }

    /// Length of the host whose start tag ends at a place, if it is there as a whole and nothing in it asks for
    /// a look at each tag: neither what could hide its end tag, nor what could end it before that.
    fn plain_host(&self, start: usize) -> Option<usize> {
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
        let within = start.saturating_add(inside.len()) <= self.limits.host;
        (within && !odd).then(|| start.saturating_add(at).saturating_add(5))
    }

    /// The place of the next `<` that may end the host or hide what does, or of one beyond the cap. Those of
    /// other tags are passed; if plain hosts are told, only those of tags that leave it plain.
    fn next_outer_mark(&mut self) -> Option<usize> {
        let (cap, scan, mut mark) = (self.limits.host, self.scan, self.mark);
        let (plain, inside) = (self.plain, &mut self.inside);
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
                mark = *at;
            }
            stop
        });
        self.mark = mark;
        found
    }

    /// Looks at the markup at a place of a host; `None` if the host goes on behind it.
    fn host_mark(&mut self, at: usize, skipping: bool) -> Option<Step> {
        let mark = classify(self.at(at), self.last);
        let end = match mark {
            Mark::Tag | Mark::Doctype => {
                if self.plain {
                    let tag = self.at(at.saturating_add(1));
                    if !self.last && is_inside_host(tag).is_none() {
                        return Some(self.host_pauses(at, skipping));
                    }
                    self.plain = false;
                }
                self.scan = at.saturating_add(1);
                return None;
            }
            Mark::Unsure => return Some(self.host_pauses(at, skipping)),
            Mark::Host => return Some(self.host_ends(HostEnd::NextHost, at, skipping)),
            Mark::RunEnd => return Some(self.host_ends(HostEnd::RunEnd, at, skipping)),
            Mark::Decl | Mark::Run => {
                return Some(self.host_ends(HostEnd::NextDocument, at, skipping));
            }
            Mark::HostEnd => match self.tag_end(at) {
                End::At(end) => return Some(self.host_ends(HostEnd::Closed, end, skipping)),
                other => other,
            },
            Mark::Comment | Mark::Cdata | Mark::Pi => {
                self.plain = false;
                self.markup_end(mark, at)
            }
        };
        match end {
            End::At(end) | End::Broken(end) => self.scan = end,
            End::More => return Some(self.host_pauses(at, skipping)),
            End::Lost => self.scan = at.saturating_add(mark.opener()),
        }
        None
    }

    /// More bytes are needed at a place of a host, or the input ends in it.
    fn host_pauses(&mut self, at: usize, skipping: bool) -> Step {
        match (skipping, self.last) {
            (false, false)
                if self.bytes().len() > self.limits.host.saturating_add(self.limits.tag) =>
            {
                self.overflow()
            }
            (false, false) => Step::More,
            (false, true) => Step::piece(Kind::Host(HostEnd::Input), self.bytes().len()),
            (true, true) => Step::piece(Kind::Skip, self.bytes().len()),
            (true, false) => {
                self.tag_at = None;
                Step::piece_or_more(Kind::Skip, at)
            }
        }
    }

    fn host_ends(&mut self, end: HostEnd, at: usize, skipping: bool) -> Step {
        if !skipping {
            return Step::piece(Kind::Host(end), at);
        }
        self.mode = Mode::Run;
        self.scan = 0;
        if at == 0 { Step::Again } else { Step::piece(Kind::Skip, at) }
    }

    /// The host is beyond the cap: it is given up to its last markup before that.
    fn overflow(&mut self) -> Step {
        let len = self.mark;
        self.mode = Mode::SkipHost;
        Step::piece(Kind::Host(HostEnd::Limit), len)
    }
}
