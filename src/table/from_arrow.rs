//! Converts rows of record batches back to the model.
//!
//! The columns that [`schema`](super::schema) marks as fields are read by the code that is generated there, in their
//! order. Here is the rest: values that a column holds in another form, and the types that a column can hold. A test
//! converts every fixture to rows and back.

use std::cell::Cell;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, StructArray},
    datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType},
};

use crate::{
    error::{Diagnostic, DiagnosticCode, Position},
    model::{
        Address, AddressKind, CowStr, Host, HostHint, HostState, Port, PortState, Protocol,
        ScanActivity, ScanSummary, ScriptOrigin, ScriptValue, TargetSkipped, Task, TaskKind,
        Timestamp,
    },
};

/// Row of a batch, or struct in a list of a batch.
pub(crate) struct StoredRow<'b> {
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

impl<'b> StoredRow<'b> {
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

    /// Returns the value of a column as a type of the model: its default if the column is null or missing.
    pub(super) fn get<T: FromColumn>(&self, name: &str) -> T {
        T::from_column(self, name)
    }

    fn owned<'t>(&self, name: &str) -> Option<CowStr<'t>> {
        self.text(name).map(|text| CowStr::Owned(text.to_owned()))
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

    /// Returns the items of a list column.
    fn list(&self, name: &str) -> Option<ArrayRef> {
        let list = self.column(name)?.as_list_opt::<i32>()?;
        Some(list.value(self.row))
    }

    /// Returns the items of a list of structs, each made by `each`.
    fn structs<T>(&self, name: &str, each: impl Fn(&StoredRow<'_>) -> T) -> Vec<T> {
        let Some(items) = self.list(name) else { return Vec::new() };
        let Some(of) = items.as_struct_opt() else { return Vec::new() };
        let item = |row| StoredRow { columns: Columns::Struct(of), row, next: Cell::new(0) };
        (0..of.len()).map(|row| each(&item(row))).collect()
    }
}

/// Struct of the model that rows of a table, or items of a list, show. `schema` implements it from the columns.
pub(crate) trait ReadFields {
    /// Sets the fields that are columns to the values in a row. A column that is null or missing sets the default.
    fn read(&mut self, row: &StoredRow<'_>);
}

/// Type of the model that a column can hold.
pub(super) trait FromColumn {
    /// Returns the value of a column: the default if it is null or missing.
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self;
}

/// Implements [`FromColumn`] for types that a method of [`StoredRow`] reads.
macro_rules! columns {
    ($($type:ty: $read:ident),*) => {
        $(impl FromColumn for Option<$type> {
            fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
                row.$read(name)
            }
        }

        impl FromColumn for $type {
            fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
                row.$read(name).unwrap_or_default()
            }
        })*
    };
}

columns!(i32: int32, i64: int64, f64: float64, bool: boolean);

impl FromColumn for Option<Timestamp> {
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
        row.time(name)
    }
}

impl FromColumn for Option<String> {
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
        row.text(name).map(str::to_owned)
    }
}

impl FromColumn for Option<CowStr<'_>> {
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
        row.owned(name)
    }
}

impl FromColumn for CowStr<'_> {
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
        row.owned(name).unwrap_or_default()
    }
}

impl FromColumn for HostState<'_> {
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
        row.owned(name).map(HostState::from_name).unwrap_or_default()
    }
}

impl FromColumn for Option<PortState<'_>> {
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
        row.owned(name).map(PortState::from_name)
    }
}

impl FromColumn for ScriptOrigin {
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
        match row.text(name) {
            Some("engine") => Self::Engine,
            _ => Self::Nse,
        }
    }
}

/// The value stays JSON text.
impl FromColumn for ScriptValue<'_> {
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
        row.owned(name).map_or(ScriptValue::None, ScriptValue::Json)
    }
}

impl FromColumn for Vec<CowStr<'_>> {
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
        let Some(items) = row.list(name) else { return Vec::new() };
        let Some(texts) = items.as_string_opt::<i32>() else { return Vec::new() };
        texts.iter().flatten().map(|text| CowStr::Owned(text.to_owned())).collect()
    }
}

impl<T: Default + ReadFields> FromColumn for Vec<T> {
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
        row.structs(name, read)
    }
}

impl FromColumn for Vec<Address<'_>> {
    fn from_column(row: &StoredRow<'_>, name: &str) -> Self {
        row.structs(name, address)
    }
}

/// Returns the struct that a row, or an item of a list, shows.
pub(crate) fn read<T: Default + ReadFields>(row: &StoredRow<'_>) -> T {
    let mut read = T::default();
    read.read(row);
    read
}

/// Returns the host of a row of `hosts`, without the parts in other tables.
pub(crate) fn host(row: &StoredRow<'_>) -> Host<'static> {
    let mut host = Host::new(0);
    host.read(row);
    let of_ip =
        |address: &&mut Address<'_>| matches!(address.kind, AddressKind::Ipv4 | AddressKind::Ipv6);
    if let Some(first) = host.addresses.iter_mut().find(of_ip) {
        first.zone = row.owned("ip_zone");
    }
    host.srtt_us = row.micros("srtt_ms");
    host.rttvar_us = row.micros("rttvar_ms");
    host.timeout_us = row.micros("timeout_ms");
    host
}

fn address<'t>(item: &StoredRow<'_>) -> Address<'t> {
    let text: CowStr<'_> = item.get("addr");
    let kind = match item.get("type") {
        name if name == "ipv4" => AddressKind::Ipv4,
        name if name == "ipv6" => AddressKind::Ipv6,
        name if name == "mac" => AddressKind::Mac,
        name => AddressKind::Other(name),
    };
    let ip = match kind {
        AddressKind::Ipv4 | AddressKind::Ipv6 => text.parse().ok(),
        AddressKind::Mac | AddressKind::Other(_) => None,
    };
    Address { text, kind, ip, zone: None, vendor: item.get("vendor") }
}

/// Returns the protocol and number of the port in a row.
pub(crate) fn port_key(row: &StoredRow<'_>) -> Option<(Protocol<'static>, u16)> {
    let protocol = Protocol::from_name(row.owned("protocol")?);
    Some((protocol, u16::try_from(row.int32("port")?).ok()?))
}

/// Returns the port of a row of `ports`, without services and scripts.
pub(crate) fn port(row: &StoredRow<'_>) -> Option<Port<'static>> {
    let (protocol, number) = port_key(row)?;
    let state = PortState::from_name(row.owned("state")?);
    let mut port = Port::new(protocol, number, state);
    port.read(row);
    Some(port)
}

/// Returns the protocol and port of the probes in a row of `hops`.
pub(crate) fn trace(row: &StoredRow<'_>) -> (Option<CowStr<'static>>, Option<i32>) {
    (row.get("proto"), row.get("trace_port"))
}

/// Returns the scan of a row of `scans`, without its scripts and warnings.
pub(crate) fn scan(row: &StoredRow<'_>) -> ScanSummary {
    let mut record = ScanSummary { has_scan: true, ..ScanSummary::default() };
    record.read(row);
    row.text("scan_id").unwrap_or_default().clone_into(&mut record.header.scan_id);
    record
}

/// Returns the event of a row of `events`.
pub(crate) fn event(row: &StoredRow<'_>) -> Option<ScanActivity> {
    let kind = row.text("kind")?;
    let kinds = [TaskKind::Begin, TaskKind::Progress, TaskKind::End];
    let mut event = match kinds.into_iter().find(|known| known.as_str() == kind) {
        Some(known) => ScanActivity::Task(Task::new(known)),
        None if kind == "hosthint" => ScanActivity::HostHint(HostHint::default()),
        None => ScanActivity::Target(TargetSkipped::default()),
    };
    event.read(row);
    Some(event)
}

/// Returns the warning of a row of `warnings`.
pub(crate) fn warning(row: &StoredRow<'_>) -> Option<Diagnostic> {
    let code = row.text("code")?;
    let unsigned = |name| row.int64(name).and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
    Some(Diagnostic {
        code: DiagnosticCode::ALL.iter().copied().find(|known| known.as_str() == code)?,
        position: Position { byte: unsigned("byte_offset"), line: unsigned("line") },
        count: row.get("count"),
        detail: row.text("detail").unwrap_or_default().to_owned(),
    })
}
