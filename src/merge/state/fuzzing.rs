//! Body of the fuzz target of this module: loads states with arbitrary content.

use super::{EVENTS, HEAD, HOSTS, Head, KIND, SCANS, options_of};
use crate::{
    codec::RecordWriter,
    error::ErrorKind,
    fuzzing::Choices,
    merge::{Hosts, MergePolicy, Merger, Partition, Precedence},
    snapshot::SnapshotWriter,
};

/// Loads bytes as a state: as they are, and as sections with a valid file header, checksums and head. A state that is
/// accepted is merged and saved, and continuing the saved state gives the same result.
pub(crate) fn states(data: &[u8]) {
    let policy = policy(data);
    let mut merger = Merger::new(policy).with_state();
    if let Err(error) = merger.load(data, "fuzz") {
        assert!(matches!(error.kind(), ErrorKind::State { .. } | ErrorKind::Usage(_)), "{error}");
    }
    let Some((first, state)) = go_on(policy, &file(data, &policy)) else { return };
    let again = go_on(policy, &state);
    assert!(again.is_some(), "a saved state can be loaded");
    assert!(
        again.is_some_and(|(lines, _)| lines == first),
        "continuing without new scans changes nothing"
    );
}

fn policy(data: &[u8]) -> MergePolicy {
    let mut choices = Choices::of(data);
    let all = [Precedence::Latest, Precedence::Latest, Precedence::Caller, Precedence::Best];
    let precedence = all.get(choices.below(4)).copied().unwrap_or_default();
    MergePolicy::new(precedence).with_keep_covered(choices.below(4) == 0)
}

/// Builds a file from the sections of an input: one byte for the section number, two for its length.
fn file(mut data: &[u8], policy: &MergePolicy) -> Vec<u8> {
    let mut file = Vec::new();
    let Ok(mut writer) = SnapshotWriter::new(KIND, &mut file) else { return file };
    let mut head = Vec::new();
    let of_policy = Head { options: options_of(policy), macs: Vec::new() };
    RecordWriter::default().write(&of_policy, &mut head);
    let mut put = |section: u16, bytes: &[u8]| {
        assert!(writer.section(section, bytes, &mut file).is_ok());
    };
    put(HEAD, &head);
    while let Some(([section, low, high], rest)) = data.split_first_chunk::<3>() {
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (bytes, rest) = rest.split_at_checked(len).unwrap_or_default();
        let section = match section {
            1 | 2 => SCANS,
            3 => EVENTS,
            other => HOSTS.saturating_add(u16::from(*other) % 130),
        };
        put(section, bytes);
        data = rest;
    }
    writer.finish(&mut file);
    file
}

/// Returns the hosts of a merge that continues a state and adds nothing, and the state it saves.
fn go_on(policy: MergePolicy, state: &[u8]) -> Option<(Vec<String>, Vec<u8>)> {
    let mut merger = Merger::new(policy).with_state();
    merger.load(state, "fuzz").ok()?;
    let mut result = merger.finish().ok()?;
    let parts: Result<Vec<_>, _> =
        result.take_partitions().into_iter().map(Partition::merge).collect();
    let mut hosts = Hosts::of(parts.ok()?).ok()?;
    let mut saved = Vec::new();
    let kept = hosts.take_state_hosts();
    let done = result.save(kept, &mut |bytes| {
        saved.extend_from_slice(bytes);
        Ok(())
    });
    assert!(done.is_ok(), "a state in memory is saved");
    let mut lines = Vec::new();
    while let Ok(Some(record)) = hosts.next() {
        lines.push(format!("{:?}", record.host()));
    }
    result.events(&mut |_, _, _| Ok(())).ok()?;
    Some((lines, saved))
}
