//! Fields of tables, and of the structs in lists, with their types.

/// Field of a table or of a struct in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// Name, equal in all formats.
    pub name: &'static str,
    /// Type.
    pub kind: ColumnType,
    /// True if the value may be null.
    pub nullable: bool,
    /// Description with the unit.
    pub doc: &'static str,
}

/// Type of a field, with Arrow's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnType {
    /// Utf8
    Utf8,
    /// Utf8 that contains JSON text.
    Json,
    /// Dictionary(Int32, Utf8)
    Dictionary,
    /// Int32
    Int32,
    /// Int64
    Int64,
    /// Float64
    Float64,
    /// Boolean
    Boolean,
    /// Timestamp(Microsecond, "UTC")
    Timestamp,
    /// FixedSizeBinary(16), in Parquet and Arrow only. Text formats leave the column out.
    Binary16,
    /// List of Utf8, which is never null.
    Texts,
    /// List of Struct with these fields. The structs are never null.
    Structs(&'static [Field]),
}

impl ColumnType {
    /// Returns true if text formats have the column.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Binary16)
    }
}
