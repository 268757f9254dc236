//! Records of hosts read back from a store, grouped by host and in order.

use std::borrow::Cow;

use super::{
    context::MergeContext,
    host_codec::has_true_literals,
    host_look::{self, Entry},
    saved_host::SavedHost,
    store::{all_records, put_record, records, split_record},
};
use crate::{
    codec::{self, put_length, split_length},
    error::Result,
    model::{Host, ScanIndex, id_of_parts, merged_host_id},
};

/// Prefix of the key of a host that has neither an address nor a name.
const NAMELESS: &str = "idx:";

/// Kinds of records in a saved state.
pub(super) const HOST: u8 = 0;
pub(super) const SAVED: u8 = 1;

/// Splits the kind off a record of a saved state; `None` if the kind is unknown.
fn has_kind(record: &[u8]) -> Option<Content<'_>> {
    match record.split_first()? {
        (&HOST, rest) => Some(Content::Host(rest)),
        (&SAVED, rest) => Some(Content::Saved(rest)),
        _ => None,
    }
}

/// Record of a host, read back from a store.
#[derive(Clone)]
pub(super) struct HostRecord<'b> {
    pub(super) key: Cow<'b, str>,
    /// Key before an IP address was appended to it.
    pub(super) own_key: &'b str,
    /// Scan ID, for a host that has neither an address nor a name: such a host equals no host of another scan.
    only_in: Option<&'b str>,
    pub(super) order: u64,
    pub(super) scan: ScanIndex,
    /// True if the record comes from a saved state.
    pub(super) is_saved: bool,
    pub(super) record: Content<'b>,
}

/// Content of a record.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content<'b> {
    /// Host element.
    Host(&'b [u8]),
    /// Looks of a saved state at a host: a [`SavedHost`].
    Saved(&'b [u8]),
}

impl MergeContext {
    /// Returns the records of scans that are used and those of a saved state, in order; records of one host are
    /// adjacent.
    ///
    /// # Errors
    /// Returns an error if the saved state is damaged.
    pub(super) fn found<'b>(
        &'b self,
        bytes: &'b [u8],
        saved: &'b [u8],
    ) -> Result<Vec<HostRecord<'b>>> {
        let mut found: Vec<HostRecord<'_>> =
            records(bytes).filter_map(|entry| self.find(entry, false)).collect();
        let saved = all_records(saved).ok_or_else(|| self.damaged("its hosts are cut off"))?;
        for entry in saved {
            found.push(self.find(entry, true).ok_or_else(|| self.damaged("a host has no scan"))?);
        }
        found.sort_unstable_by(|a, b| a.group().cmp(&b.group()).then(a.order.cmp(&b.order)));
        Ok(found)
    }

    /// Reads the head of one record. `None` if its scan is not used, or if it is damaged.
    fn find<'b>(&'b self, entry: &'b [u8], is_saved: bool) -> Option<HostRecord<'b>> {
        let (scan, rest) = split_length(entry)?;
        let (index, rest) = split_length(rest)?;
        let (key, host) = split_record(rest)?;
        let scan = (*self.numbers.get(scan)?)?;
        let order = u64::from(scan) << 32 | u64::try_from(index).ok()?;
        let key = std::str::from_utf8(key).ok()?;
        let id = self.ids.get(host_look::index(scan)).map(String::as_str);
        let only_in = id.filter(|_| key.starts_with(NAMELESS));
        let record = if is_saved { has_kind(host)? } else { Content::Host(host) };
        Some(HostRecord { key: key.into(), own_key: key, only_in, order, scan, is_saved, record })
    }

    /// Decodes the host elements among the records of a host.
    ///
    /// # Errors
    /// Returns an error if the saved state has a host that cannot be decoded.
    pub(super) fn entries<'b>(&self, same: &[HostRecord<'b>]) -> Result<Vec<Entry<'b>>> {
        let elements = same.iter().filter(|found| matches!(found.record, Content::Host(_)));
        let entries = elements.map(|found| {
            let host = found.host().ok_or_else(|| self.unreadable(found.is_saved, "a host"))?;
            Ok(Entry { scan: found.scan, order: found.order, host })
        });
        entries.collect()
    }
}

impl<'b> HostRecord<'b> {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.group() == other.group()
    }

    /// Returns the key that equal hosts share.
    pub(super) fn group(&self) -> (&str, Option<&'b str>) {
        (&self.key, self.only_in)
    }

    /// Decodes the host element; `None` for a saved host.
    fn host(&self) -> Option<Host<'b>> {
        match self.record {
            Content::Host(host) => codec::decode::<Host<'_>>(host)
                .filter(|host| !self.is_saved || has_true_literals(host)),
            Content::Saved(_) => None,
        }
    }

    /// Returns the first IP address, with its zone.
    pub(super) fn ip(&self) -> Option<String> {
        if let Content::Saved(record) = self.record {
            return codec::decode::<SavedHost<'_>>(record)?.ip.map(Cow::into_owned);
        }
        let host = self.host()?;
        let ip = host.ip()?;
        Some(match &ip.zone {
            Some(zone) => format!("{}%{zone}", ip.text),
            None => ip.text.to_string(),
        })
    }

    /// Returns the bytes of the record.
    pub(super) fn bytes(&self) -> &'b [u8] {
        match self.record {
            Content::Host(bytes) | Content::Saved(bytes) => bytes,
        }
    }

    /// Appends the record of a host that has a MAC address.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_length(usize::try_from(self.scan).unwrap_or(usize::MAX), out);
        out.extend_from_slice(&self.order.to_le_bytes());
        put_record(self.key.as_bytes(), out);
        out.extend_from_slice(self.bytes());
    }

    /// Reads a record that [`Self::put`] appended after a text. Returns the text and the record.
    pub(super) fn take(entry: &'b [u8]) -> Option<(&'b [u8], Self)> {
        let (text, rest) = split_record(entry)?;
        let (scan, rest) = split_length(rest)?;
        let (order, rest) = rest.split_first_chunk::<8>()?;
        let (key, host) = split_record(rest)?;
        let own_key = std::str::from_utf8(key).ok()?;
        let found = Self {
            key: own_key.into(),
            own_key,
            only_in: None,
            order: u64::from_le_bytes(*order),
            scan: ScanIndex::try_from(scan).ok()?,
            is_saved: false,
            record: Content::Host(host),
        };
        Some((text, found))
    }

    pub(super) fn host_id(&self) -> String {
        match self.only_in {
            None => merged_host_id(&self.key),
            Some(scan) => id_of_parts(&["scanmill.mhost.v1", &self.key, scan]),
        }
    }
}
