//! Members of zip archives.
//!
//! The directory at the end of an archive is read; if it is missing, as in a truncated file, the local headers before
//! each member are read instead (`salvage`). Local headers are also read for members that the directory lacks, and for
//! archives before or after this one: nothing readable is left out for want of an entry. Bytes before or after the
//! archive that are none, such as the program of a self-extracting archive, are visited as one more member, which has
//! the name of the archive. Entries that share bytes with an earlier one are refused: no program writes such archives,
//! and a few bytes would be unpacked thousands of times.
//!
//! The crate `zip` is not used: it indexes members by name, so that of two with the same name the first is unreachable;
//! it requires the directory; and it decompresses the streams of a member without reporting their number
//! ([`Budget`](super::output_cap::Budget)).

mod contents;
mod directory;
mod extents;
mod header;
mod lookahead;
mod salvage;
mod stored;

use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

use self::{
    contents::Part,
    directory::{Directory, Search},
    extents::Extents,
    header::{begins_record, go_to, next_magic, skip_local},
    salvage::Missing,
};
use super::{
    archive::{Walk, broken, member_name},
    member::{Member, MemberData},
    multi_member::skip_padding,
    output_cap::decompress,
};
use crate::error::Result;

/// Number of bytes read at once.
const CHUNK: usize = 16 << 10;
/// Length in bytes of the smallest record that is searched for in a gap of the directory.
const SMALLEST: u64 = 22;

impl Walk<'_, '_> {
    /// Visits the members of an archive that is not seekable. It is held in memory, because its directory is at its
    /// end. If it cannot be read to its end, the members before that are visited.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(super) fn zip_held(
        &mut self,
        name: &str,
        mut bytes: impl Read,
        depth: usize,
    ) -> Result<()> {
        let most = u64::try_from(self.limits.max_buffered_zip_bytes).unwrap_or(u64::MAX);
        let mut held = Vec::new();
        match io::copy(&mut (&mut bytes).take(most.saturating_add(1)), &mut held) {
            Ok(len) if len > most => {
                let message = format!("more than {most} bytes would have to be held in memory");
                self.refuse(name, broken(decompress(message)))
            }
            Ok(_) => self.zip(name, Cursor::new(held), depth),
            Err(error) => {
                // The error explains why the directory is missing.
                self.zip_or(name, Cursor::new(held), (Missing::Part, depth))?;
                self.refuse(name, broken(error))
            }
        }
    }

    /// Visits the members of an archive that may follow a program, as in a self-extracting archive, or else the bytes
    /// themselves.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(super) fn zip_after_program(&mut self, member: Member<'_>, depth: usize) -> Result<()> {
        let Member { name, explicit, live, bytes, len } = member;
        let mut bytes = bytes.into_read();
        let most = u64::try_from(self.limits.max_buffered_zip_bytes).unwrap_or(u64::MAX);
        let mut held = Vec::new();
        let read = io::copy(&mut (&mut bytes).take(most.saturating_add(1)), &mut held);
        if read.as_ref().is_ok_and(|len| *len <= most) && has_directory(&mut Cursor::new(&held)) {
            return self.zip(&name, Cursor::new(held), depth);
        }
        let bytes = MemberData::from_reader(
            Cursor::new(held).chain(FailingReader(read.err())).chain(bytes),
        );
        (self.visit)(Ok(Member { name, explicit, live, bytes, len }))
    }

    /// Visits the members of an archive in the order of its directory.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(super) fn zip(&mut self, name: &str, file: impl Read + Seek, depth: usize) -> Result<()> {
        self.zip_or(name, file, (Missing::List, depth))
    }

    /// Visits the members of an archive. If it has no directory, `missing` is reported.
    fn zip_or(
        &mut self,
        name: &str,
        file: impl Read + Seek,
        (missing, depth): (Missing, usize),
    ) -> Result<()> {
        let mut file = BufReader::with_capacity(CHUNK, file);
        match Directory::find(&mut file) {
            Ok(Search::Found(directory)) => self.listed(name, (&mut file, directory), depth),
            Ok(Search::OfMember | Search::Missing) => match file.seek(SeekFrom::Start(0)) {
                Ok(_) => self.salvage(name, &mut file, (missing, depth)).map(|_| ()),
                Err(error) => self.refuse(name, broken(error)),
            },
            Err(error) => self.refuse(name, broken(error)),
        }
    }

    /// Visits the members in the directory, and those that it lacks.
    fn listed<R: Read + Seek>(
        &mut self,
        name: &str,
        (file, mut directory): (&mut BufReader<R>, Directory),
        depth: usize,
    ) -> Result<()> {
        let Directory { before, start, end, archive_len, .. } = directory;
        // Another archive or a program precedes this one.
        let preceding = Gap { from: 0, to: before, missing: Missing::Other };
        if before > 0 && !self.unlisted(name, file, preceding, depth)? {
            return Ok(());
        }
        let mut taken = Extents::default();
        taken.take(0, before);
        let mut overlaps = Overlaps::default();
        // Each turn reads an entry, of which the directory has a limited number of bytes.
        loop {
            let entry = match directory.next(file) {
                Ok(Some(entry)) => entry,
                Ok(None) => break,
                Err(error) => {
                    self.refuse(name, broken(error))?;
                    break;
                }
            };
            let is_member = !entry.packed.is_folder();
            if is_member && !self.count_member(name)? {
                return Ok(());
            }
            let picked = is_member && self.filter.matches(&entry.packed.path);
            let member = || member_name(name, &entry.packed.path);
            match skip_local(file, (entry.offset, archive_len)) {
                Ok(local) => {
                    debug_assert!(entry.packed.len.is_some(), "an entry without a length");
                    let len = entry.packed.len.unwrap_or_default();
                    // If the two lengths differ, one is damaged, and the larger might overlap sound members.
                    let sure = local.len.unwrap_or(len).min(len);
                    if !taken.take(entry.offset, local.start.saturating_add(sure)) {
                        overlaps.add(member);
                    } else if picked {
                        let mut bytes = file.by_ref().take(len);
                        let member = Part { of: &entry.packed, len: Some(len.min(archive_len)) };
                        self.packed(name, (&member, &mut bytes), depth)?;
                    }
                }
                Err(error) if picked => self.refuse(&member(), broken(error))?,
                Err(_) => {}
            }
        }
        if let Some(error) = overlaps.error() {
            self.refuse(name, broken(error))?;
        }
        self.gaps(name, (file, &taken), [start, end, archive_len], depth)
    }

    /// Visits the members that the directory lacks: those between its members, and after the end of the archive.
    fn gaps<R: Read + Seek>(
        &mut self,
        name: &str,
        (file, taken): (&mut BufReader<R>, &Extents),
        [list, end, archive_len]: [u64; 3],
        depth: usize,
    ) -> Result<()> {
        let gaps = taken.gaps(list).map(|(from, to)| Gap { from, to, missing: Missing::Part });
        let following = Gap { from: end, to: archive_len, missing: Missing::Other };
        for range in gaps.chain([following]) {
            if !self.unlisted(name, file, range, depth)? {
                break;
            }
        }
        Ok(())
    }

    /// Visits the members in a range that begins with one, or with the data descriptor of the member before it. Other
    /// bytes are visited as one more member if they are outside the archive. Returns false if the limit on members is
    /// exceeded.
    fn unlisted<R: Read + Seek>(
        &mut self,
        name: &str,
        file: &mut BufReader<R>,
        Gap { from: start, to, missing }: Gap,
        depth: usize,
    ) -> Result<bool> {
        // Lengths of the data descriptors that may follow a member.
        for skipped in [0, 12, 16, 20, 24] {
            let from = start.saturating_add(skipped);
            if to.saturating_sub(from) < SMALLEST {
                break;
            }
            let magic = go_to(file, from).and_then(|()| next_magic(file));
            match magic.and_then(|magic| go_to(file, from).map(|()| magic)) {
                Ok(Some(magic)) if begins_record(magic) => {
                    let len = to.saturating_sub(from);
                    return self.salvage(name, &mut file.by_ref().take(len), (missing, depth));
                }
                Ok(_) => {}
                Err(error) => return self.refuse(name, broken(error)).map(|()| true),
            }
        }
        // The first member may be preceded by a program that the offsets of the directory include.
        let is_outside = start == 0 || missing == Missing::Other;
        if is_outside && start < to {
            self.outside(name, file, (start, to), depth)?;
        }
        Ok(true)
    }

    /// Visits bytes before or after the archive, unless they are padding.
    fn outside<R: Read + Seek>(
        &mut self,
        name: &str,
        file: &mut BufReader<R>,
        (from, to): (u64, u64),
        depth: usize,
    ) -> Result<()> {
        let len = to.saturating_sub(from);
        let is_padding = go_to(file, from)
            .and_then(|()| {
                let mut bytes = file.by_ref().take(len);
                skip_padding(&mut bytes).map(|more| !more)
            })
            .and_then(|is_padding| go_to(file, from).map(|()| is_padding));
        match is_padding {
            Ok(true) => Ok(()),
            Ok(false) => {
                let (name, bytes) =
                    (name.to_owned(), MemberData::from_reader(file.by_ref().take(len)));
                self.go(Member { name, explicit: false, live: false, bytes, len: Some(len) }, depth)
            }
            Err(error) => self.refuse(name, broken(error)),
        }
    }
}

/// Returns true if a directory is at the end of a file, whatever its first bytes are: one that lists members, or that
/// of an archive in an archive.
pub(super) fn has_directory(file: &mut (impl Read + Seek)) -> bool {
    match Directory::find(file) {
        Ok(Search::Found(directory)) => directory.has_members(),
        Ok(Search::OfMember) => true,
        Ok(Search::Missing) | Err(_) => false,
    }
}

/// Range of bytes that no entry of the directory covers.
struct Gap {
    from: u64,
    to: u64,
    /// Part of the archive that is missing if there are members in the range.
    missing: Missing,
}

/// Entries that share bytes with earlier ones.
#[derive(Default)]
struct Overlaps {
    count: u64,
    first: String,
}

impl Overlaps {
    fn add(&mut self, name: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = name();
        }
        self.count = self.count.saturating_add(1);
    }

    fn error(&self) -> Option<io::Error> {
        let Self { count, first } = self;
        let others = match count {
            0 => return None,
            1 => String::new(),
            more => format!(" and {} more", more.saturating_sub(1)),
        };
        Some(decompress(format!(
            "members overlap, as in an archive that is made to exhaust its reader; left out: {first}{others}"
        )))
    }
}

/// Reader that fails once with this error, if there is one.
struct FailingReader(Option<io::Error>);

impl Read for FailingReader {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
