//! Definitions of all tables and columns, one line per column: the single source of truth.
//!
//! The macro [`table!`] expands a line to everything that depends on it: the column, its cell in rows and in nested
//! documents, and for fields of the model the code that reads it back from Arrow. `variants!` does the same for the
//! table of an enum, `items!` for the structs in a list. To add a column, add its line and print the schemas again
//! (`scanmill schema --write schemas`); CONTRIBUTING.md lists the rest.

use super::{Column, Table};
use crate::{
    error::{Error, ErrorKind, Result},
    model::CowStr,
};

/// Definition of a table.
pub(super) struct Definition {
    pub(super) columns: &'static [Column],
    /// Additional columns in the result of a merge.
    pub(super) merged: &'static [Column],
    pub(super) key: &'static [&'static str],
    pub(super) doc: &'static str,
}

/// Returns the definition of a table.
pub(super) const fn of(table: Table) -> &'static Definition {
    match table {
        Table::Scans => &scans::SCANS,
        Table::Hosts => &hosts::HOSTS,
        Table::Ports => &ports::PORTS,
        Table::Services => &ports::SERVICES,
        Table::Scripts => &ports::SCRIPTS,
        Table::OsMatches => &hosts::OS_MATCHES,
        Table::OsClasses => &hosts::OS_CLASSES,
        Table::Hops => &hosts::HOPS,
        Table::Events => &scans::EVENTS,
        Table::Warnings => &scans::WARNINGS,
        Table::Conflicts => &merged::CONFLICTS,
        Table::Changes => &merged::CHANGES,
        Table::HostHistory => &history::HOST_HISTORY,
        Table::PortHistory => &history::PORT_HISTORY,
        Table::OpenServices => &derived::OPEN_SERVICES,
        Table::Certificates => &derived::CERTIFICATES,
        Table::Vulnerabilities => &derived::VULNERABILITIES,
    }
}

impl Table {
    /// Returns the columns of the table, in order.
    #[must_use]
    pub fn columns(self) -> &'static [Column] {
        of(self).columns
    }

    /// Returns the additional columns of the table in the result of a merge (DATA_MODEL section 5, "Provenance").
    #[must_use]
    pub fn merged_columns(self) -> &'static [Column] {
        of(self).merged
    }

    /// Returns the names of the columns that identify a row.
    #[must_use]
    pub fn key(self) -> &'static [&'static str] {
        of(self).key
    }

    /// Returns a sentence that describes the rows.
    #[must_use]
    pub fn doc(self) -> &'static str {
        of(self).doc
    }

    /// Returns the column with this name.
    ///
    /// # Errors
    /// Returns [`ErrorKind::UnknownName`] with the list of columns if there is none.
    pub fn column(self, name: &str) -> Result<&'static Column> {
        self.column_among(name, &self.columns().iter().collect::<Vec<_>>())
    }

    /// Returns the column with this name in the result of a merge.
    ///
    /// # Errors
    /// Returns [`ErrorKind::UnknownName`] with the list of columns if there is none.
    pub fn merged_column(self, name: &str) -> Result<&'static Column> {
        let all = self.columns().iter().chain(self.merged_columns());
        self.column_among(name, &all.collect::<Vec<_>>())
    }

    fn column_among(self, name: &str, columns: &[&'static Column]) -> Result<&'static Column> {
        columns.iter().copied().find(|column| column.field.name == name).ok_or_else(|| {
            let known: Vec<_> = columns.iter().map(|column| column.field.name).collect();
            let message = format!(
                "unknown column {name:?} in table {}; its columns are {}",
                self.name(),
                known.join(", ")
            );
            Error::new(ErrorKind::UnknownName { name: name.to_owned(), known, message })
        })
    }
}

/// Returns the version of the tables, which Parquet files and the log of a dataset record: that of the column that was
/// added last. Datasets of earlier versions stay readable.
pub(crate) fn schema_version() -> u32 {
    let columns = Table::of_merges().flat_map(|table| table.columns().iter());
    columns.map(|column| column.since).max().unwrap_or(FIRST_VERSION)
}

/// Version of the tables in which columns were added that do not say otherwise.
pub(super) const FIRST_VERSION: u32 = 1;

/// Defines a table with rows of one kind. Per column: name, type, `!` for never null or `?`, description, and the
/// value.
///
/// A column without a word before `=>` is computed from the row. For a table whose rows show a struct of the model,
/// the invocation names it: `[port: Port<'_> = r.port]`. The word before `=>` then says what the column has to do
/// with this struct:
///
/// | Word | Value | In nested documents | Read back by `from_arrow` |
/// |---|---|---|---|
/// | `field` | field of the struct | yes | yes |
/// | `flat` | field of the struct | no: it is elsewhere in the document, or left out | yes |
/// | `value` | computed from the struct, or part of its identity | yes | no: `from_arrow` reads what it depends on |
///
/// After `merged:` come the additional columns in the result of a merge, which the document of a merged host has too;
/// after `merged_rows:` those that only rows have.
///
/// A line of a column that was added after the first version of the tables ends with the version that added it, as in
/// `, since 2`. The column must be nullable (`?`), because datasets of earlier versions are read without it; anything
/// else does not compile.
macro_rules! table {
    (
        $table:ident, $doc:literal, key $key:expr, $row:ident($r:ident: $type:ty):
        $($lines:tt)*
    ) => {
        table! { $table, $doc, key $key, $row($r: $type), []: $($lines)* }
    };
    (
        $table:ident, $doc:literal, key $key:expr, $row:ident($r:ident: $type:ty), $model:tt:
        $($name:literal $kind:expr, $null:tt $text:literal $($word:ident)? => $value:expr
            $(, since $since:literal)?;)*
        $(merged: $($more:literal $of:expr, $maybe:tt $what:literal => $gives:expr;)*)?
        $(merged_rows: $($last:literal $type_of:expr, $nulls:tt $about:literal => $from:expr;)*)?
    ) => {
        pub(super) static $table: $crate::table::schema::Definition = $crate::table::schema::Definition {
            doc: $doc,
            key: &$key,
            columns: &[$(column! {
                $row($r) $model $name $kind, $null $text $($word)? => $value $(, since $since)?
            }),*],
            merged: &[
                $($(column! { $row($r) [] $more $of, $maybe $what => $gives },)*)?
                $($(column! { $row($r) [] $last $type_of, $nulls $about => $from },)*)?
            ],
        };

        impl $type {
            /// Passes all cells to `to`, in the order of the columns. Everything that is constant per column is
            /// constant for the compiler too, so no cell needs a call through a pointer, unlike single columns.
            pub(in crate::table) fn cells(&self, to: &mut impl $crate::table::CellVisitor) {
                let $r = self;
                $(to.cell(
                    &field!($name $kind, $null $text),
                    concat!(",\"", $name, "\":"),
                    value!($model $($word)? => $value),
                );)*
            }

            $(/// Passes the cells of the additional columns in the result of a merge to `to`.
            pub(in crate::table) fn merged_cells(&self, to: &mut impl $crate::table::CellVisitor) {
                let $r = self;
                $(to.cell(
                    &field!($more $of, $maybe $what),
                    concat!(",\"", $more, "\":"),
                    $gives.into(),
                );)*
            })?
        }

        struct_fields! { $model $($name $kind, $null $text $($word)? => $value;)* }
    };
}

macro_rules! column {
    (
        $row:ident($r:ident) $model:tt
        $name:literal $kind:expr, $null:tt $text:literal $($word:ident)? => $value:expr
        $(, since $since:literal)?
    ) => {
        $crate::table::Column {
            field: field!($name $kind, $null $text),
            nested: is_nested!($($word)?),
            since: since!($null $($since)?),
            get: |row| match row.0 {
                $crate::table::row::Inner::$row($r) => value!($model $($word)? => $value),
                _ => $crate::table::Cell::Null,
            },
        }
    };
}

macro_rules! field {
    ($name:literal $kind:expr, ! $doc:literal) => {
        $crate::table::Field { name: $name, kind: $kind, nullable: false, doc: $doc }
    };
    ($name:literal $kind:expr, ? $doc:literal) => {
        $crate::table::Field { name: $name, kind: $kind, nullable: true, doc: $doc }
    };
}

/// Cell of a column, in a scope that has the row.
macro_rules! value {
    ($model:tt => $value:expr) => {
        $value.into()
    };
    ([$m:ident: $type:ty = $get:expr] $word:ident => $value:expr) => {{
        let $m: &$type = $get;
        cell!($word $value)
    }};
}

/// Cell of a column, in a scope that has the struct of the model.
macro_rules! cell {
    (value $value:expr) => {
        $value.into()
    };
    ($word:ident $place:expr) => {
        (&$place).into()
    };
}

/// Version in which a column was added. One that was added later is null in datasets of earlier versions.
macro_rules! since {
    ($null:tt) => {
        $crate::table::schema::FIRST_VERSION
    };
    (? $since:literal) => {
        $since
    };
    (! $since:literal) => {
        compile_error!("a column with `since` must be nullable: earlier datasets do not have it")
    };
}

macro_rules! is_nested {
    (field) => {
        true
    };
    (value) => {
        true
    };
    ($(flat)?) => {
        false
    };
}

/// Implements `NestedFields` and `ReadFields` for a struct of the model.
macro_rules! struct_fields {
    ([] $($line:tt)*) => {};
    (
        [$m:ident: $type:ty $(= $get:expr)?]
        $($name:literal $kind:expr, $null:tt $text:literal $($word:ident)? => $value:expr;)*
    ) => {
        impl $crate::table::NestedFields for $type {
            #[inline]
            fn nested_cells(&self, to: &mut impl $crate::table::CellVisitor) {
                let $m = self;
                $(nested_cell!(to, $name $kind, $null $text $($word)? => $value);)*
            }
        }

        impl $crate::table::from_arrow::ReadFields for $type {
            fn read(&mut self, row: &$crate::table::StoredRow<'_>) {
                let $m = self;
                let _ = (&$m, row);
                $(read_field!(row $name $($word)? => $value);)*
            }
        }
    };
}

macro_rules! nested_cell {
    ($to:ident, $name:literal $kind:expr, $null:tt $text:literal field => $value:expr) => {
        nested_cell!($to, ($name $kind, $null $text) cell!(field $value))
    };
    ($to:ident, $name:literal $kind:expr, $null:tt $text:literal value => $value:expr) => {
        nested_cell!($to, ($name $kind, $null $text) cell!(value $value))
    };
    ($to:ident, ($name:literal $($field:tt)*) $cell:expr) => {
        $to.cell(&field!($name $($field)*), concat!(",\"", $name, "\":"), $cell)
    };
    ($($other:tt)*) => {};
}

macro_rules! read_field {
    ($row:ident $name:literal field => $place:expr) => {
        $place = $row.get($name)
    };
    ($row:ident $name:literal flat => $place:expr) => {
        $place = $row.get($name)
    };
    ($($other:tt)*) => {};
}

/// Defines the table of an enum of structs, each of which has some of the columns. The first columns are computed from
/// the row; after `of variants` a column names the field of each variant that has it.
macro_rules! variants {
    (
        $table:ident, $doc:literal, key $key:expr, $row:ident($r:ident: $type:ty), $enum:ident:
        $($first:literal $of:expr, $maybe:tt $what:literal => $gives:expr;)*
        of variants:
        $($name:literal $kind:expr, $null:tt $text:literal => $($variant:ident . $field:ident)+
            $(, since $since:literal)?;)*
    ) => {
        table! { $table, $doc, key $key, $row($r: $type):
            $($first $of, $maybe $what => $gives;)*
            $($name $kind, $null $text => match $r.event {
                $($enum::$variant(item) => cell!(field item.$field),)+
                _ => $crate::table::Cell::Null,
            } $(, since $since)?;)*
        }

        impl $crate::table::NestedFields for $enum {
            fn nested_cells(&self, to: &mut impl $crate::table::CellVisitor) {
                $(match self {
                    $(Self::$variant(item) => to.cell(
                        &field!($name $kind, $null $text),
                        concat!(",\"", $name, "\":"),
                        (&item.$field).into(),
                    ),)+
                    _ => {}
                })*
            }
        }

        impl $crate::table::from_arrow::ReadFields for $enum {
            fn read(&mut self, row: &$crate::table::StoredRow<'_>) {
                $(match self {
                    $(Self::$variant(item) => item.$field = row.get($name),)+
                    _ => {}
                })*
            }
        }
    };
}

/// Defines the structs of a list: the type of an item, and per field its name, type, `!` or `?`, description and
/// value, with the words of [`table!`].
macro_rules! items {
    (
        $fields:ident, $i:ident: $item:ty:
        $($name:literal $kind:expr, $null:tt $text:literal $word:ident => $value:expr;)+
    ) => {
        const $fields: &[$crate::table::Field] = &[$(field!($name $kind, $null $text)),+];

        struct_fields! { [$i: $item] $($name $kind, $null $text $word => $value;)+ }

        impl $crate::table::CellList for Vec<$item> {
            fn count(&self) -> usize {
                self.len()
            }

            fn cell(&self, item: usize, field: usize) -> $crate::table::Cell<'_> {
                let Some($i) = self.get(item) else { return $crate::table::Cell::Null };
                let mut number = 0_usize..;
                $(if number.next() == Some(field) {
                    return cell!($word $value);
                })+
                $crate::table::Cell::Null
            }

            fn write_nested(&self, lead: &str, out: &mut Vec<u8>) {
                $crate::text::json::write_objects(lead, self, out, |item, out| $crate::table::NestedFields::nested_cells(item, &mut $crate::table::NestedMembers(out)));
            }

            fn write_json(&self, doubled: bool, out: &mut Vec<u8>) {
                $crate::table::cell::write_list(self, doubled, out);
            }
        }

        impl $crate::table::cell::Item for $item {
            fn write<const DOUBLED: bool>(&self, out: &mut Vec<u8>) {
                let $i = self;
                let first = out.len();
                $($crate::table::cell::write_member::<DOUBLED>(
                    concat!(",\"", $name, "\":"),
                    concat!(",\"\"", $name, "\"\":"),
                    cell!($word $value),
                    out,
                );)+
                // Replaces the first comma.
                if let Some(open) = out.get_mut(first) {
                    *open = b'{';
                }
                out.push(b'}');
            }
        }
    };
}

/// Defines a list of texts.
macro_rules! texts {
    ($text:ty) => {
        impl $crate::table::CellList for Vec<$text> {
            fn count(&self) -> usize {
                self.len()
            }

            fn cell(&self, item: usize, _: usize) -> $crate::table::Cell<'_> {
                self.get(item)
                    .map_or($crate::table::Cell::Null, |text| $crate::table::Cell::Str(text))
            }

            fn write_nested(&self, lead: &str, out: &mut Vec<u8>) {
                $crate::text::json::write_array(lead, self.iter().map(|text| &**text), out);
            }

            fn write_json(&self, doubled: bool, out: &mut Vec<u8>) {
                $crate::table::cell::write_list(self, doubled, out);
            }
        }

        impl $crate::table::cell::Item for $text {
            fn write<const DOUBLED: bool>(&self, out: &mut Vec<u8>) {
                $crate::table::Cell::Str(self).put_json::<DOUBLED>(out);
            }
        }
    };
}

texts!(CowStr<'_>);
texts!(&str);
texts!(String);

// The macros above are visible in the modules after them.
mod derived;
mod history;
mod hosts;
mod merged;
mod ports;
mod scans;
