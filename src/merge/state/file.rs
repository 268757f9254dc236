//! Reads saved states from files and writes them.

use std::io::Read;

use super::{
    super::{
        merger::Merger,
        result::{Merged, StateHosts},
        store::{PARTITIONS, Store, all_records, put_record, records},
    },
    EVENTS, HEAD, HOSTS, Head, KIND, LoadedState, SCANS, SavedScan, damaged, options_of,
    rules_text,
};
use crate::{
    codec::{self, RecordWriter, split_length},
    error::{Error, Result},
    limits::MAX_SNAPSHOT_BLOCK,
    model::ScanIndex,
    snapshot::{Block, SnapshotError, SnapshotReader, SnapshotWriter},
};

impl Merger {
    /// Loads the state that an earlier merge saved, as if its scans had come. Must be called before anything else is
    /// added. `name` is the name of its file.
    ///
    /// # Errors
    /// Returns a usage error if the state belongs to a merge with other options or if scans have come, an error of
    /// the kind [`State`](crate::error::ErrorKind::State) if the state is damaged or of another version, and an error
    /// if a temporary file cannot be written.
    pub fn load(&mut self, state: impl Read, name: &str) -> Result<()> {
        if !self.keeps || !self.scans.is_empty() || self.is_open() || self.saved.is_some() {
            return Err(Error::usage("a saved state must be loaded before anything else is added"));
        }
        let failed = |error: SnapshotError| damaged(name, &error.to_string());
        let mut reader = SnapshotReader::new(state, KIND).map_err(failed)?;
        self.saved = Some(Box::new(LoadedState {
            name: name.to_owned(),
            hosts: (0..PARTITIONS).map(|_| Store::default()).collect(),
            ..LoadedState::default()
        }));
        let (mut head, mut scans) = (Vec::new(), Vec::new());
        while let Some(block) = reader.next().map_err(failed)? {
            match block.section {
                HEAD => block.unpack(&mut head).map_err(failed)?,
                SCANS => block.unpack(&mut scans).map_err(failed)?,
                _ => self.load_block(&block)?,
            }
        }
        let wrong = |how: &str| damaged(name, &format!("it is damaged: {how}"));
        let head: Head = codec::decode(&head).ok_or_else(|| wrong("it has no header"))?;
        let wanted = options_of(self.policy());
        if head.options != wanted {
            let (saved, wanted) = (rules_text(&head.options), rules_text(&wanted));
            return Err(Error::state_mismatch(
                name,
                format!("{name} is the state of a merge with {saved}, and this one has {wanted}"),
            ));
        }
        let scans = all_records(&scans).ok_or_else(|| wrong("its scans are cut off"))?;
        let scans: Option<Vec<SavedScan>> = scans.into_iter().map(codec::decode).collect();
        let scans = scans.ok_or_else(|| wrong("a scan cannot be read"))?;
        let Some(saved) = &mut self.saved else { return Ok(()) };
        saved.macs = head.macs.into_iter().collect();
        saved.used = scans.iter().map(|scan| scan.used).collect();
        let places = 0..ScanIndex::MAX;
        self.scans = places.zip(scans).map(|(place, scan)| scan.into_scan(place)).collect();
        Ok(())
    }

    /// Takes a block of hosts or events.
    fn load_block(&mut self, block: &Block) -> Result<()> {
        let Some(saved) = &mut self.saved else { return Ok(()) };
        let before = saved.stores_mut().map(|store| store.held()).sum::<usize>();
        if block.section == EVENTS {
            saved.events.buffer().extend_from_slice(block.raw());
        } else {
            let partition = block.section.checked_sub(HOSTS).map(usize::from);
            let Some(store) = partition.and_then(|number| saved.hosts.get_mut(number)) else {
                return Err(saved.damaged("it has an unknown section"));
            };
            let unpacked = block.unpack(store.buffer());
            unpacked.map_err(|error| damaged(&saved.name, &error.to_string()))?;
        }
        let after = saved.stores_mut().map(|store| store.held()).sum::<usize>();
        self.hold(after.saturating_sub(before))
    }
}

/// Callback that takes the bytes of a state.
type EachBlock<'e> = &'e mut dyn FnMut(&[u8]) -> Result<()>;

/// Writer that passes the bytes of a snapshot on, section by section.
struct Sections<'e> {
    writer: SnapshotWriter,
    buffer: Vec<u8>,
    each: EachBlock<'e>,
}

impl Sections<'_> {
    fn put(&mut self, section: u16, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(MAX_SNAPSHOT_BLOCK) {
            let written = self.writer.section(section, piece, &mut self.buffer);
            written.map_err(|error| Error::sink("the state of the merge", error))?;
            self.hand()?;
        }
        Ok(())
    }

    fn copy(&mut self, blocks: &[u8]) -> Result<()> {
        let written = self.writer.copy(blocks, &mut self.buffer);
        written.map_err(|error| Error::sink("the state of the merge", error))?;
        self.hand()
    }

    fn hand(&mut self) -> Result<()> {
        (self.each)(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl Merged {
    /// Calls `each` with the bytes of the state that a later merge can [load](Merger::load), piece by piece. `kept`
    /// comes from [`Hosts::take_state_hosts`](super::super::Hosts::take_state_hosts).
    ///
    /// # Errors
    /// Returns the first error of `each`, an error if a temporary file cannot be read, or a usage error if the merger
    /// keeps no state.
    pub fn save(&self, kept: StateHosts, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if !self.context.keeps {
            return Err(Error::usage("this merge does not save a state"));
        }
        let mut buffer = Vec::new();
        let writer = SnapshotWriter::new(KIND, &mut buffer);
        let writer = writer.map_err(|error| Error::sink("the state of the merge", error))?;
        let mut sections = Sections { writer, buffer, each };
        let saved = self.context.saved.as_deref();
        let known = saved.into_iter().flat_map(|saved| saved.macs.iter().cloned());
        let mut macs: Vec<String> = known.chain(kept.macs.iter().cloned()).collect();
        macs.sort_unstable();
        macs.dedup();
        let head = Head { options: options_of(&self.context.policy), macs };
        let mut record = Vec::new();
        RecordWriter::default().write(&head, &mut record);
        sections.put(HEAD, &record)?;
        sections.put(SCANS, &self.saved_scans(&kept))?;
        if let Some(saved) = saved {
            sections.copy(&saved.events.look(&self.context.folder)?)?;
        }
        sections.put(EVENTS, &self.new_events()?)?;
        for (section, store) in (HOSTS..).zip(kept.hosts) {
            sections.put(section, &store.load(&self.context.folder)?)?;
        }
        let Sections { writer, mut buffer, each } = sections;
        writer.finish(&mut buffer);
        each(&buffer)
    }

    /// Returns the records of all scans, as they came.
    fn saved_scans(&self, kept: &StateHosts) -> Vec<u8> {
        let (mut out, mut record, mut writer) = (Vec::new(), Vec::new(), RecordWriter::default());
        for (arrival, scan) in self.context.originals.iter().enumerate() {
            let number = self.context.numbers.get(arrival).copied().flatten();
            let context = number.and_then(|number| kept.shared_macs.get(&number));
            // The record of an input that held no scan is never a copy, so it counts as used.
            let used = number.is_some() || !scan.record.has_scan;
            record.clear();
            writer.write(&SavedScan::of(scan, used, context), &mut record);
            put_record(&record, &mut out);
        }
        out
    }

    /// Returns the events of used scans that this run read.
    fn new_events(&self) -> Result<Vec<u8>> {
        let bytes = self.events.look(&self.context.folder)?;
        let mut out = Vec::new();
        for entry in records(&bytes) {
            let arrival = split_length(entry).map(|(arrival, _)| arrival);
            if arrival
                .is_some_and(|arrival| matches!(self.context.numbers.get(arrival), Some(Some(_))))
            {
                put_record(entry, &mut out);
            }
        }
        Ok(out)
    }

    /// Returns the events of scans in the loaded state.
    pub(in super::super) fn saved_events(&self) -> Result<Vec<u8>> {
        let Some(saved) = self.context.saved.as_deref() else { return Ok(Vec::new()) };
        let blocks = saved.events.look(&self.context.folder)?;
        let mut events = Vec::new();
        let unpacked = Block::unpack_all(&blocks, &mut events);
        unpacked.map_err(|error| damaged(&saved.name, &error.to_string()))?;
        Ok(events)
    }
}
