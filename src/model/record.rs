//! Structs whose fields are listed once.
//!
//! [`record!`] wraps the definition of a struct and derives from its fields everything that would otherwise repeat the list:
//!
//! - its binary layout ([`Codec`]), which is the fields in their order. Merges keep hosts in this form, and saved states
//!   persist it: a test of `merge::state` fails when it changes, and then asks for a new version.
//! - `into_owned`, for structs that borrow.
//! - [`Record`]: the names of the fields and their values as text, by which merges and diffs compare them.
//! - [`FieldValue`]: the size of all texts, and a walk that shortens texts and lists in place ([`Editor`]).
//!
//! A new field of a known type needs nothing but its line. A new type implements [`Codec`] and [`FieldValue`] next to
//! its definition; the macros of `codec` and [`plain_values!`] do that for numbers and names.
//!
//! The columns of tables are another list (`table::schema`): a column may be computed, and has a name, an Arrow type
//! and a description of its own.

use std::net::IpAddr;

use super::{CowStr, owned};
use crate::{
    codec::{Codec, RecordReader, RecordWriter, codec_fields},
    error::{Diagnostic, DiagnosticCode, Position},
};

/// Struct with a list of its fields.
pub(crate) trait Record<'a> {
    /// Names of the fields, in order.
    const FIELDS: &'static [&'static str];

    /// Returns the value of the field with this index as text; `None` if it is null or not a single value.
    fn text_of(&self, field: usize) -> Option<CowStr<'a>>;
}

/// Returns the index of a field. A constant that names a field that does not exist fails to compile.
pub(crate) const fn field_index(fields: &[&str], name: &str) -> usize {
    let mut index = 0;
    while !is_same(fields[index].as_bytes(), name.as_bytes()) {
        index += 1;
    }
    index
}

/// Compares bytes, which `==` cannot do in constants yet.
const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Type of a field of a record.
pub(crate) trait FieldValue<'a> {
    /// Type of the record with text of its own.
    type Owned;

    /// Converts to a value that owns its text.
    fn into_static(self) -> Self::Owned;

    /// Returns the value as text; `None` if it is null or not a single value.
    fn text(&self) -> Option<CowStr<'a>> {
        None
    }

    /// Returns the total length of the texts in the value, in bytes.
    fn text_bytes(&self) -> usize {
        0
    }

    /// Passes the texts and lists in the value to an editor. `field` is the name of the field that holds it.
    fn edit(&mut self, _field: &'static str, _editor: &mut impl Editor) {}

    /// Does the same for a value that may be null, and that the editor may therefore leave out.
    fn edit_optional(value: &mut Option<Self>, field: &'static str, editor: &mut impl Editor)
    where
        Self: Sized,
    {
        if let Some(value) = value {
            value.edit(field, editor);
        }
    }
}

/// Shortens the texts and lists of a record in place. Each is named by its field.
pub(crate) trait Editor {
    /// Edits a text that must stay.
    fn text(&mut self, field: &'static str, text: &mut CowStr<'_>);

    /// Edits a text that may be left out.
    fn optional_text(&mut self, field: &'static str, text: &mut Option<CowStr<'_>>);

    /// Edits an owned text that must stay.
    fn owned_text(&mut self, field: &'static str, text: &mut String);

    /// Edits an owned text that may be left out.
    fn optional_owned_text(&mut self, field: &'static str, text: &mut Option<String>);

    /// Edits a list, and then its items by [`FieldValue::edit`].
    fn list<'a, T: FieldValue<'a>>(&mut self, field: &'static str, items: &mut Vec<T>);

    /// Edits the structured value of a script.
    fn script_data(&mut self, data: &mut super::ScriptValue<'_>);
}

/// Defines a struct and derives from its fields what the header of this file lists.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident<$life:lifetime> {
            $($(#[$doc:meta])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$meta])*
        pub struct $name<$life> {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl $name<'_> {
            /// Converts to a value that owns its text.
            #[must_use]
            pub fn into_owned(self) -> $name<'static> {
                $name { $($field: $crate::model::record::FieldValue::into_static(self.$field),)* }
            }
        }

        impl<$life> $crate::model::record::FieldValue<$life> for $name<$life> {
            type Owned = $name<'static>;

            fn into_static(self) -> $name<'static> {
                self.into_owned()
            }

            $crate::model::record::walks!($($field)*);
        }

        impl<$life> $crate::model::record::Record<$life> for $name<$life> {
            $crate::model::record::texts!($life $($field)*);
        }

        $crate::codec::codec_fields! { $name<$life> { $($field),* } }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$doc:meta])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$meta])*
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl<'a> $crate::model::record::FieldValue<'a> for $name {
            type Owned = Self;

            fn into_static(self) -> Self {
                self
            }

            $crate::model::record::walks!($($field)*);
        }

        impl<'a> $crate::model::record::Record<'a> for $name {
            $crate::model::record::texts!('a $($field)*);
        }

        $crate::codec::codec_fields! { $name { $($field),* } }
    };
}

/// Methods of [`FieldValue`] that visit all fields.
macro_rules! walks {
    ($($field:ident)*) => {
        fn text_bytes(&self) -> usize {
            let lengths = [
                $($crate::model::record::FieldValue::text_bytes(&self.$field),)*
            ];
            lengths.into_iter().fold(0, usize::saturating_add)
        }

        fn edit(&mut self, _: &'static str, editor: &mut impl $crate::model::record::Editor) {
            $($crate::model::record::FieldValue::edit(
                &mut self.$field,
                stringify!($field),
                editor,
            );)*
        }
    };
}

/// Members of [`Record`].
macro_rules! texts {
    ($life:lifetime $($field:ident)*) => {
        const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

        fn text_of(&self, field: usize) -> Option<$crate::model::CowStr<$life>> {
            let mut number = 0_usize..;
            $(if number.next() == Some(field) {
                return $crate::model::record::FieldValue::text(&self.$field);
            })*
            None
        }
    };
}

/// Implements [`FieldValue`] for types that hold no text. Those after `as text` can be compared as text.
macro_rules! plain_values {
    ($($type:ty),* $(, as text: $($shown:ty),*)?) => {
        $(impl<'a> $crate::model::record::FieldValue<'a> for $type {
            type Owned = Self;

            fn into_static(self) -> Self {
                self
            }
        })*
        $($(impl<'a> $crate::model::record::FieldValue<'a> for $shown {
            type Owned = Self;

            fn into_static(self) -> Self {
                self
            }

            fn text(&self) -> Option<$crate::model::CowStr<'a>> {
                Some(self.to_string().into())
            }
        })*)?
    };
}

/// Implements [`Codec`] and [`FieldValue`] for enums of names, each with its number in records, whose variant `Other`
/// may be any text.
macro_rules! name_values {
    ($($type:ident { $($number:literal $variant:ident),* })*) => {
        $crate::codec::codec_names! { $($type { $($number $variant),* })* }

        $(impl<'a> $crate::model::record::FieldValue<'a> for $type<'a> {
            type Owned = $type<'static>;

            fn into_static(self) -> $type<'static> {
                match self {
                    $(Self::$variant => $type::$variant,)*
                    Self::Other(name) => $type::Other($crate::model::owned(name)),
                }
            }

            fn text(&self) -> Option<$crate::model::CowStr<'a>> {
                Some(match self {
                    $(Self::$variant => {
                        const NAMED: &$type<'static> = &$type::$variant;
                        NAMED.as_str().into()
                    })*
                    Self::Other(name) => name.clone(),
                })
            }

            fn text_bytes(&self) -> usize {
                self.as_str().len()
            }

            fn edit(
                &mut self,
                field: &'static str,
                editor: &mut impl $crate::model::record::Editor,
            ) {
                if let Self::Other(name) = self {
                    editor.text(field, name);
                }
            }
        })*
    };
}

pub(super) use {name_values, plain_values, record, texts, walks};

plain_values!(IpAddr, usize, Position, Diagnostic, as text: bool, i32, i64, u16, u32, f64);

codec_fields! {
    Position { byte, line }
    Diagnostic { code, position, count, detail }
}

impl Codec<'_> for DiagnosticCode {
    fn encode(&self, to: &mut RecordWriter) {
        self.as_str().encode(to);
    }

    fn decode(from: &mut RecordReader<'_>) -> Option<Self> {
        let name = <&str>::decode(from)?;
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

impl<'a> FieldValue<'a> for CowStr<'a> {
    type Owned = CowStr<'static>;

    fn into_static(self) -> CowStr<'static> {
        owned(self)
    }

    fn text(&self) -> Option<CowStr<'a>> {
        Some(self.clone())
    }

    fn text_bytes(&self) -> usize {
        self.len()
    }

    fn edit(&mut self, field: &'static str, editor: &mut impl Editor) {
        editor.text(field, self);
    }

    fn edit_optional(value: &mut Option<Self>, field: &'static str, editor: &mut impl Editor) {
        editor.optional_text(field, value);
    }
}

impl<'a> FieldValue<'a> for String {
    type Owned = Self;

    fn into_static(self) -> Self {
        self
    }

    fn text(&self) -> Option<CowStr<'a>> {
        Some(self.clone().into())
    }

    fn text_bytes(&self) -> usize {
        self.len()
    }

    fn edit(&mut self, field: &'static str, editor: &mut impl Editor) {
        editor.owned_text(field, self);
    }

    fn edit_optional(value: &mut Option<Self>, field: &'static str, editor: &mut impl Editor) {
        editor.optional_owned_text(field, value);
    }
}

impl<'a, T: FieldValue<'a>> FieldValue<'a> for Option<T> {
    type Owned = Option<T::Owned>;

    fn into_static(self) -> Self::Owned {
        self.map(T::into_static)
    }

    fn text(&self) -> Option<CowStr<'a>> {
        self.as_ref().and_then(T::text)
    }

    fn text_bytes(&self) -> usize {
        self.as_ref().map_or(0, T::text_bytes)
    }

    fn edit(&mut self, field: &'static str, editor: &mut impl Editor) {
        T::edit_optional(self, field, editor);
    }
}

impl<'a, T: FieldValue<'a>> FieldValue<'a> for Vec<T> {
    type Owned = Vec<T::Owned>;

    fn into_static(self) -> Self::Owned {
        self.into_iter().map(T::into_static).collect()
    }

    /// Returns the texts of the items, separated by blanks; `None` if there are none or the items are no texts.
    fn text(&self) -> Option<CowStr<'a>> {
        let texts: Option<Vec<_>> = self.iter().map(T::text).collect();
        texts.filter(|texts| !texts.is_empty()).map(|texts| texts.join(" ").into())
    }

    fn text_bytes(&self) -> usize {
        self.iter().map(T::text_bytes).fold(0, usize::saturating_add)
    }

    fn edit(&mut self, field: &'static str, editor: &mut impl Editor) {
        editor.list(field, self);
    }
}
