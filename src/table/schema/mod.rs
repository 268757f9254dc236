//! Definitions of all tables and columns, one line per column: the single source of truth. To add a column, add its
//! line and print the schemas again (`scanmill schema --write schemas`).

mod history;
mod hosts;
mod merged;
mod ports;
mod runs;

use super::{
    Cell, Cells, Column, Field, Items, Kind, Table,
    cell::{Item, write_list, write_member},
    row::Inner,
};
use crate::model::CowStr;

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
        Table::Scans => &runs::SCANS,
        Table::Hosts => &hosts::HOSTS,
        Table::Ports => &ports::PORTS,
        Table::Services => &ports::SERVICES,
        Table::Scripts => &ports::SCRIPTS,
        Table::OsMatches => &hosts::OS_MATCHES,
        Table::OsClasses => &hosts::OS_CLASSES,
        Table::Hops => &hosts::HOPS,
        Table::Events => &runs::EVENTS,
        Table::Warnings => &runs::WARNINGS,
        Table::Conflicts => &merged::CONFLICTS,
        Table::Changes => &merged::CHANGES,
        Table::HostHistory => &history::HOST_HISTORY,
        Table::PortHistory => &history::PORT_HISTORY,
    }
}

/// Defines a table with rows of one kind. Per column: name, type, `!` for never null or `?`, description, and the
/// value.
macro_rules! table {
    (
        $table:ident, $doc:literal, key $key:expr, $row:ident($r:ident: $type:ty):
        $($name:literal $kind:expr, $null:tt $text:literal => $value:expr;)*
        $(merged: $($more:literal $of:expr, $maybe:tt $what:literal => $gives:expr;)*)?
    ) => {
        pub(super) static $table: Definition = Definition {
            doc: $doc,
            key: &$key,
            columns: &[$(column! { $row($r) $name $kind, $null $text => $value }),*],
            merged: &[$($(column! { $row($r) $more $of, $maybe $what => $gives }),*)?],
        };

        impl $type {
            /// Passes all cells to `to`, in the order of the columns. Everything that is constant per column is
            /// constant for the compiler too, so no cell needs a call through a pointer, unlike single columns.
            pub(in crate::table) fn cells(&self, to: &mut impl Cells) {
                let $r = self;
                $(to.cell(
                    &field!($name $kind, $null $text),
                    concat!(",\"", $name, "\":"),
                    $value.into(),
                );)*
            }
        }
    };
}

macro_rules! column {
    ($row:ident($r:ident) $name:literal $kind:expr, $null:tt $text:literal => $value:expr) => {
        Column {
            field: field!($name $kind, $null $text),
            get: |row| match row.0 {
                Inner::$row($r) => $value.into(),
                _ => Cell::Null,
            },
        }
    };
}

macro_rules! field {
    ($name:literal $kind:expr, ! $doc:literal) => {
        Field { name: $name, kind: $kind, nullable: false, doc: $doc }
    };
    ($name:literal $kind:expr, ? $doc:literal) => {
        Field { name: $name, kind: $kind, nullable: true, doc: $doc }
    };
}

/// Defines the structs of a list: the type of an item, and per field its name, type, `!` or `?`, description and
/// value.
macro_rules! items {
    (
        $fields:ident, $item:ty, $i:ident:
        $($name:literal $kind:expr, $null:tt $text:literal => $value:expr;)+
    ) => {
        const $fields: &[Field] = &[$(field!($name $kind, $null $text)),+];

        impl Items for Vec<$item> {
            fn count(&self) -> usize {
                self.len()
            }

            fn cell(&self, item: usize, field: usize) -> Cell<'_> {
                let Some($i) = self.get(item) else { return Cell::Null };
                let mut number = 0_usize..;
                $(if number.next() == Some(field) {
                    return $value.into();
                })+
                Cell::Null
            }

            fn write_json(&self, doubled: bool, out: &mut Vec<u8>) {
                write_list(self, doubled, out);
            }
        }

        impl Item for $item {
            fn write<const DOUBLED: bool>(&self, out: &mut Vec<u8>) {
                let $i = self;
                let first = out.len();
                $(write_member::<DOUBLED>(
                    concat!(",\"", $name, "\":"),
                    concat!(",\"\"", $name, "\"\":"),
                    $value.into(),
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
        impl Items for Vec<$text> {
            fn count(&self) -> usize {
                self.len()
            }

            fn cell(&self, item: usize, _: usize) -> Cell<'_> {
                self.get(item).map_or(Cell::Null, |text| Cell::Str(text))
            }

            fn write_json(&self, doubled: bool, out: &mut Vec<u8>) {
                write_list(self, doubled, out);
            }
        }

        impl Item for $text {
            fn write<const DOUBLED: bool>(&self, out: &mut Vec<u8>) {
                Cell::Str(self).put_json::<DOUBLED>(out);
            }
        }
    };
}

use {column, field, items, table};

texts!(CowStr<'_>);
texts!(&str);
