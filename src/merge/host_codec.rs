//! Hosts as records ([`codec`](crate::codec)).

use crate::{
    codec::{self, RecordWriter},
    model::{Address, Host},
};

/// Appends a host to `out` as a record.
pub(crate) fn pack_host(host: &Host<'_>, out: &mut Vec<u8>) {
    RecordWriter::default().write(host, out);
}

/// Reads a host; `None` if the record is invalid. The record may come from a file that anyone wrote. An address that
/// is marked as a literal is written without checking its text, so it must be one.
pub(crate) fn unpack_host(record: &[u8]) -> Option<Host<'_>> {
    let host: Host<'_> = codec::decode(record)?;
    has_true_literals(&host).then_some(host)
}

/// Returns true if every address that is marked as a literal is one. Such addresses are written without checking
/// their text, so records that anyone may have written must pass this check.
pub(super) fn has_true_literals(host: &Host<'_>) -> bool {
    let is_literal =
        |address: &Address<'_>| address.ip.is_none_or(|ip| address.text.parse() == Ok(ip));
    host.addresses.iter().all(is_literal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        AddressKind, HostState, Script, ScriptOrigin, ScriptTree, ScriptValue, Trace,
    };

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack_host(&bytes);
        }
    }

    #[test]
    fn a_host_is_read_back_unchanged() {
        let mut host = Host::new(7);
        host.status.state = HostState::Other("odd".into());
        host.addresses.push(Address {
            text: "2001:db8::1".into(),
            kind: AddressKind::Ipv6,
            ip: Some("2001:db8::1".parse().unwrap()),
            zone: None,
            vendor: Some("V".into()),
        });
        host.traces.push(Trace { proto: Some("tcp".into()), port: Some(80), hops: Vec::new() });
        let mut tree = ScriptTree::new();
        let table = tree.open(Some("t".into()));
        tree.push_elem(None, "x".into());
        tree.close(table);
        tree.close(0);
        let data = ScriptValue::Tree(tree);
        let script = Script { name: "s".into(), output: None, data, origin: ScriptOrigin::Engine };
        host.scripts.push(script);
        let mut record = Vec::new();
        pack_host(&host, &mut record);
        assert_eq!(unpack_host(&record).unwrap(), host);
        for cut in 0..record.len() {
            assert!(unpack_host(&record[..cut]).is_none(), "{cut}");
        }
    }
}
