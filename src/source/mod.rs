//! Inputs as bytes: paths, folders, compressed files, archives and standard input.
//!
//! [`discover`] expands the paths of the user to [`Input`]s. [`Input::visit`] opens one, detects its format by its
//! first bytes (`magic`), descends through compressed streams (`multi_member`, `gzip`) and archives (`tar`, `zip`) and
//! passes each [`Member`] that is not a container to a visitor, in order. Everything that cannot be read reaches the
//! visitor as an error in its place, so that one bad member does not hide the next. All decompressed bytes pass through
//! `output_cap`, which enforces the limits on size and ratio. Growing files (`follow`) and the output of programs
//! (`background`) are inputs as well.
//!
//! Nothing in this folder knows XML. A new container format needs a `magic::FileKind` with its magic bytes, and an arm
//! in `archive::Walk::go_as` or `multi_member::MultiMemberReader`.
//!
//! # Every loop ends
//!
//! All bytes come from outside, so each loop over them consumes at least one byte, or moves on in a list of fixed
//! length, or returns. An archive that makes a reader go back, such as one whose entries share bytes, is refused or
//! read through a set of the ranges that were taken (`zip`). A loop that waits, which only [`Follow`] has, ends with
//! its stop flag.

mod archive;
mod background;
mod byte_counter;
mod digest;
mod folder;
mod follow;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gzip;
mod input;
mod magic;
mod member;
mod multi_member;
mod output_cap;
mod path_filter;
mod prefetch;
mod tar;
mod tee;
mod thread;
mod zip;

pub(crate) use self::{
    background::BackgroundReader, byte_counter::ByteCounter, follow::ends_with, input::ReadOptions,
    tee::TeeReader,
};
pub use self::{
    folder::discover,
    follow::Follow,
    input::Input,
    member::{Member, MemberData, Visit},
    path_filter::PathFilter,
};
