//! Converts rows of record batches back to the model. Columns are read in the order in which
//! [`schema`](super::schema) defines them; a test converts every fixture to rows and back to keep both in step.

use std::cell::Cell;

use arrow::{
    array::{Array, AsArray, ListArray, RecordBatch, StructArray},
    datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType},
};

use crate::{
    error::{Diagnostic, DiagnosticCode, Position},
    model::{
        Address, AddressKind, CowStr, ExtraPorts, ExtraReason, Host, HostHint, HostState,
        HostStatus, HostTotals, Hostname, OsClass, OsDetection, OsMatch, OsPortUsed, Port,
        PortState, Protocol, ScanActivity, ScanHeader, ScanInfo, ScanStats, ScanSummary, Script,
        ScriptOrigin, ScriptValue, Sequence, Service, TargetSkipped, Task, TaskKind, TcpSequence,
        Timestamp, TraceHop,
    },
};

/// Row of a batch, or struct in a list of a batch.
pub(crate) struct Stored<'b> {
    columns: Columns<'b>,
    row: usize,
    /// Column that is probably requested next, because columns are read in order.
    next: Cell<usize>,
}

#[derive(Clone, Copy)]
enum Columns<'b> {
    Batch(&'b RecordBatch),
    Struct(&'b StructArray),
}

impl<'b> Stored<'b> {
    /// Creates the row of a batch.
    pub(crate) fn new(batch: &'b RecordBatch, row: usize) -> Self {
        Self { columns: Columns::Batch(batch), row, next: Cell::new(0) }
    }

    /// Returns the value of a column; `None` if it is null or the column does not exist.
    fn column(&self, name: &str) -> Option<&'b dyn Array> {
        let (fields, arrays) = match self.columns {
            Columns::Batch(batch) => (batch.schema_ref().fields(), batch.columns()),
            Columns::Struct(of) => (of.fields(), of.columns()),
        };
        let is_it = |place: usize| fields.get(place).is_some_and(|field| field.name() == name);
        let place = match self.next.get() {
            likely if is_it(likely) => likely,
            _ => fields.iter().position(|field| field.name() == name)?,
        };
        self.next.set(place.saturating_add(1));
        let array = arrays.get(place)?;
        (self.row < array.len() && array.is_valid(self.row)).then_some(&**array)
    }

    /// Returns a text column.
    pub(crate) fn text(&self, name: &str) -> Option<&'b str> {
        let array = self.column(name)?;
        if let Some(texts) = array.as_string_opt::<i32>() {
            return Some(texts.value(self.row));
        }
        let words = array.as_dictionary_opt::<Int32Type>()?;
        let texts = words.values().as_string_opt::<i32>()?;
        words.key(self.row).filter(|key| *key < texts.len()).map(|key| texts.value(key))
    }

    fn owned(&self, name: &str) -> Option<CowStr<'static>> {
        self.text(name).map(|text| CowStr::Owned(text.to_owned()))
    }

    fn string(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// Returns a 32-bit integer column.
    pub(crate) fn int32(&self, name: &str) -> Option<i32> {
        Some(self.column(name)?.as_primitive_opt::<Int32Type>()?.value(self.row))
    }

    fn int64(&self, name: &str) -> Option<i64> {
        Some(self.column(name)?.as_primitive_opt::<Int64Type>()?.value(self.row))
    }

    fn float64(&self, name: &str) -> Option<f64> {
        Some(self.column(name)?.as_primitive_opt::<Float64Type>()?.value(self.row))
    }

    /// Returns a column of milliseconds, converted to microseconds.
    fn micros(&self, name: &str) -> Option<i64> {
        let micros = self.float64(name)? * 1000.0;
        #[expect(clippy::cast_possible_truncation, reason = "it was made of an i64")]
        Some(micros.round() as i64)
    }

    fn boolean(&self, name: &str) -> Option<bool> {
        Some(self.column(name)?.as_boolean_opt()?.value(self.row))
    }

    fn time(&self, name: &str) -> Option<Timestamp> {
        let column = self.column(name)?.as_primitive_opt::<TimestampMicrosecondType>()?;
        Timestamp::from_seconds(column.value(self.row) / 1_000_000)
    }

    fn list(&self, name: &str) -> Option<&'b ListArray> {
        self.column(name)?.as_list_opt::<i32>()
    }

    fn texts(&self, name: &str) -> Vec<CowStr<'static>> {
        let Some(list) = self.list(name) else { return Vec::new() };
        let items = list.value(self.row);
        let Some(texts) = items.as_string_opt::<i32>() else { return Vec::new() };
        texts.iter().flatten().map(|text| CowStr::Owned(text.to_owned())).collect()
    }

    fn structs<T>(&self, name: &str, each: impl Fn(&Stored<'_>) -> T) -> Vec<T> {
        let Some(list) = self.list(name) else { return Vec::new() };
        let items = list.value(self.row);
        let Some(of) = items.as_struct_opt() else { return Vec::new() };
        let item = |row| Stored { columns: Columns::Struct(of), row, next: Cell::new(0) };
        (0..of.len()).map(|row| each(&item(row))).collect()
    }

    fn state(&self, name: &str) -> Option<PortState<'static>> {
        self.owned(name).map(PortState::from_name)
    }
}

/// Returns the host of a row of `hosts`, without the parts in other tables.
pub(crate) fn host(row: &Stored<'_>) -> Host<'static> {
    let mut host = Host::new(row.int32("host_index").unwrap_or_default());
    let zone = row.owned("ip_zone");
    host.hostnames = row.structs("hostnames", |name| Hostname {
        name: name.owned("name").unwrap_or_default(),
        kind: name.owned("type"),
    });
    host.addresses = row.structs("addresses", address);
    let of_ip =
        |address: &&mut Address<'_>| matches!(address.kind, AddressKind::Ipv4 | AddressKind::Ipv6);
    if let Some(first) = host.addresses.iter_mut().find(of_ip) {
        first.zone = zone;
    }
    host.status = HostStatus {
        state: row.owned("state").map(HostState::from_name).unwrap_or_default(),
        reason: row.owned("reason"),
        reason_ttl: row.int32("reason_ttl"),
    };
    host.start_time = row.time("start_time");
    host.end_time = row.time("end_time");
    host.timed_out = row.boolean("timed_out");
    host.complete = row.boolean("complete").unwrap_or_default();
    host.comment = row.owned("comment");
    host.distance = row.int32("distance");
    host.uptime_s = row.int64("uptime_s");
    host.last_boot = row.owned("last_boot");
    host.tcp_sequence = TcpSequence {
        index: row.int64("tcp_seq_index"),
        difficulty: row.owned("tcp_seq_difficulty"),
        class: row.owned("tcp_seq_class"),
        values: row.owned("tcp_seq_values"),
    };
    host.ip_id_sequence =
        Sequence { class: row.owned("ip_id_class"), values: row.owned("ip_id_values") };
    host.tcp_ts_sequence =
        Sequence { class: row.owned("tcp_ts_class"), values: row.owned("tcp_ts_values") };
    host.srtt_us = row.micros("srtt_ms");
    host.rttvar_us = row.micros("rttvar_ms");
    host.timeout_us = row.micros("timeout_ms");
    host.smurf_responses = row.int64("smurf_responses");
    host.extra_ports = row.structs("extra_ports", extra_ports);
    host.os = OsDetection {
        fingerprints: row.texts("os_fingerprints"),
        ports_used: row.structs("os_ports_used", |used| OsPortUsed {
            state: used.state("state"),
            proto: used.owned("proto"),
            port: used.int32("port"),
        }),
        ..OsDetection::default()
    };
    host.ports_listed = row.int32("ports_listed").unwrap_or_default();
    host.ports_open = row.int32("ports_open").unwrap_or_default();
    host
}

fn address(item: &Stored<'_>) -> Address<'static> {
    let text = item.owned("addr").unwrap_or_default();
    let kind = match item.owned("type").unwrap_or_default() {
        name if name == "ipv4" => AddressKind::Ipv4,
        name if name == "ipv6" => AddressKind::Ipv6,
        name if name == "mac" => AddressKind::Mac,
        name => AddressKind::Other(name),
    };
    let ip = match kind {
        AddressKind::Ipv4 | AddressKind::Ipv6 => text.parse().ok(),
        AddressKind::Mac | AddressKind::Other(_) => None,
    };
    Address { text, kind, ip, zone: None, vendor: item.owned("vendor") }
}

fn extra_ports(item: &Stored<'_>) -> ExtraPorts<'static> {
    ExtraPorts {
        state: item.state("state"),
        count: item.int64("count"),
        reasons: item.structs("reasons", |reason| ExtraReason {
            reason: reason.owned("reason"),
            count: reason.int64("count"),
            proto: reason.owned("proto"),
            ports: reason.owned("ports"),
        }),
    }
}

/// Returns the protocol and number of the port in a row.
pub(crate) fn port_key(row: &Stored<'_>) -> Option<(Protocol<'static>, u16)> {
    let protocol = Protocol::from_name(row.owned("protocol")?);
    Some((protocol, u16::try_from(row.int32("port")?).ok()?))
}

/// Returns the port of a row of `ports`, without services and scripts.
pub(crate) fn port(row: &Stored<'_>) -> Option<Port<'static>> {
    let (protocol, number) = port_key(row)?;
    Some(Port {
        protocol,
        number,
        state: row.state("state")?,
        reason: row.owned("reason"),
        reason_ttl: row.int32("reason_ttl"),
        reason_ip: row.owned("reason_ip"),
        owner: row.owned("owner"),
        index: row.int32("port_index").unwrap_or_default(),
        expanded: row.boolean("expanded").unwrap_or_default(),
        services: Vec::new(),
        scripts: Vec::new(),
    })
}

/// Returns the service of a row of `services`.
pub(crate) fn service(row: &Stored<'_>) -> Service<'static> {
    Service {
        name: row.owned("name"),
        product: row.owned("product"),
        version: row.owned("version"),
        extra_info: row.owned("extra_info"),
        hostname: row.owned("hostname"),
        os_type: row.owned("os_type"),
        device_type: row.owned("device_type"),
        method: row.owned("method"),
        confidence: row.int32("confidence"),
        tunnel: row.owned("tunnel"),
        rpc_proto: row.owned("rpc_proto"),
        rpc_num: row.int64("rpc_num"),
        low_ver: row.int32("low_ver"),
        high_ver: row.int32("high_ver"),
        cpes: row.texts("cpes"),
        fingerprint: row.owned("fingerprint"),
        banner: row.owned("banner"),
    }
}

/// Returns the script of a row of `scripts`. Its value remains JSON text.
pub(crate) fn script(row: &Stored<'_>) -> Script<'static> {
    Script {
        name: row.owned("name").unwrap_or_default(),
        origin: match row.text("origin") {
            Some("engine") => ScriptOrigin::Engine,
            _ => ScriptOrigin::Nse,
        },
        output: row.owned("output"),
        data: row.owned("data").map_or(ScriptValue::None, ScriptValue::Json),
    }
}

/// Returns the match of a row of `os_matches`.
pub(crate) fn os_match(row: &Stored<'_>) -> OsMatch<'static> {
    OsMatch { name: row.owned("name"), accuracy: row.int32("accuracy"), line: row.int32("line") }
}

/// Returns the class of a row of `os_classes`.
pub(crate) fn os_class(row: &Stored<'_>) -> OsClass<'static> {
    OsClass {
        match_index: row.int32("match_index"),
        kind: row.owned("type"),
        vendor: row.owned("vendor"),
        family: row.owned("family"),
        generation: row.owned("gen"),
        accuracy: row.int32("accuracy"),
        cpes: row.texts("cpes"),
    }
}

/// Returns the hop of a row of `hops`.
pub(crate) fn hop(row: &Stored<'_>) -> TraceHop<'static> {
    TraceHop {
        ttl: row.int32("ttl"),
        rtt_ms: row.float64("rtt_ms"),
        ip: row.owned("ip"),
        hostname: row.owned("hostname"),
    }
}

/// Returns the protocol and port of the probes in a row of `hops`.
pub(crate) fn trace(row: &Stored<'_>) -> (Option<CowStr<'static>>, Option<i32>) {
    (row.owned("proto"), row.int32("trace_port"))
}

/// Returns the scan of a row of `scans`, without its scripts and warnings.
pub(crate) fn scan(row: &Stored<'_>) -> ScanSummary {
    let header = ScanHeader {
        scan_id: row.string("scan_id").unwrap_or_default(),
        doc_index: row.int32("doc_index").unwrap_or_default(),
        position: Position::default(),
        scanner: row.string("scanner"),
        scanner_version: row.string("scanner_version"),
        xml_version: row.string("xml_version"),
        args: row.string("args"),
        profile_name: row.string("profile_name"),
        start_time: row.time("start_time"),
        start_str: row.string("start_str"),
    };
    let stats = ScanStats {
        end_time: row.time("end_time"),
        end_str: row.string("end_str"),
        elapsed_s: row.float64("elapsed_s"),
        finished: row.boolean("finished").unwrap_or_default(),
        exit_status: row.string("exit_status"),
        error_message: row.string("error_message"),
        summary: row.string("summary"),
        hosts: HostTotals {
            up: row.int64("hosts_up"),
            down: row.int64("hosts_down"),
            total: row.int64("hosts_total"),
        },
    };
    ScanSummary {
        header,
        stats,
        verbosity: row.int32("verbosity"),
        debugging: row.int32("debugging"),
        scan_info: row.structs("scan_info", |info| ScanInfo {
            kind: info.string("type"),
            protocol: info.string("protocol"),
            num_services: info.int64("num_services"),
            services: info.string("services"),
            scan_flags: info.string("scan_flags"),
        }),
        hosts_seen: row.int64("hosts_seen").unwrap_or_default(),
        hosts_incomplete: row.int64("hosts_incomplete").unwrap_or_default(),
        truncated: row.boolean("truncated").unwrap_or_default(),
        resumed: row.boolean("resumed").unwrap_or_default(),
        bytes: row.int64("bytes").unwrap_or_default(),
        content_sha256: row.string("content_sha256"),
        has_scan: true,
        ..ScanSummary::default()
    }
}

/// Returns the event of a row of `events`.
pub(crate) fn event(row: &Stored<'_>) -> Option<ScanActivity> {
    let task = |kind| {
        ScanActivity::Task(Task {
            kind,
            task: row.string("task"),
            time: row.time("time"),
            extra_info: row.string("extra_info"),
            percent: row.float64("percent"),
            remaining_s: row.int64("remaining_s"),
            etc_time: row.time("etc_time"),
        })
    };
    let kinds = [TaskKind::Begin, TaskKind::Progress, TaskKind::End];
    let kind = row.text("kind")?;
    Some(match kinds.into_iter().find(|known| known.as_str() == kind) {
        Some(known) => task(known),
        None if kind == "hosthint" => ScanActivity::HostHint(HostHint {
            ip: row.string("ip"),
            mac: row.string("mac"),
            hostname: row.string("hostname"),
            state: row.string("state"),
            reason: row.string("reason"),
        }),
        None => ScanActivity::Target(TargetSkipped {
            status: row.string("state"),
            reason: row.string("reason"),
            specification: row.string("specification"),
        }),
    })
}

/// Returns the warning of a row of `warnings`.
pub(crate) fn warning(row: &Stored<'_>) -> Option<Diagnostic> {
    let code = row.text("code")?;
    let unsigned = |name| row.int64(name).and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
    Some(Diagnostic {
        code: DiagnosticCode::ALL.into_iter().find(|known| known.as_str() == code)?,
        position: Position { byte: unsigned("byte_offset"), line: unsigned("line") },
        count: row.int64("count").unwrap_or_default(),
        detail: row.string("detail").unwrap_or_default(),
    })
}
