//! Text as bytes: searching, copying and escaping it, writing JSON, and hexadecimal.
//!
//! Every stage spends most of its time on short texts: names and values of attributes on the way in, cells on the way
//! out. The functions here are the inner loops of that work, and know nothing of scans:
//!
//! - [`search`] finds the first byte of a class, eight bytes at a time with plain integers, and counts bytes.
//! - [`push`] appends short texts and numbers to a vector without a call of `memcpy`.
//! - [`escape`] escapes text for JSON, and for JSON in a CSV field.
//! - [`json`] writes members, arrays and objects of compact JSON. Types outside this module implement
//!   [`json::WriteJson`] where they are defined.
//! - [`hex`] and [`is_invisible`] are what several modules would otherwise write again.
//!
//! The crate has no `unsafe`, and values are mostly shorter than 16 bytes. For such lengths the calls of `memchr` and
//! `memcpy` cost more than the work itself, so these loops are written for the compiler to vectorize instead. The fuzz
//! target `text` compares each with its obvious form.

mod escape;
mod hex;
pub(crate) mod json;
mod push;
pub(crate) mod search;
mod unicode;

pub(crate) use self::{
    escape::{escape_json, escape_json_in_csv},
    hex::hex,
    push::{push_if_clean, push_number, push_short},
    unicode::is_invisible,
};
