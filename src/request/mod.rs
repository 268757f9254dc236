//! What nmap is asked for: targets, ports and arguments, checked when they are given (DATA_MODEL section 6).

mod arguments;
mod given;
mod ports;
mod targets;

use std::ffi::OsString;

pub use self::{
    arguments::Arguments,
    given::IntoArguments,
    ports::{IntoPorts, PortSet},
    targets::{IntoTargets, Targets},
};

/// Variables that nmap must not see: it would split what `NMAP_ARGS` holds, and all its arguments with it, anew,
/// without regard to quotes and to what was checked.
pub(crate) fn unset_for_nmap() -> Vec<OsString> {
    vec!["NMAP_ARGS".into()]
}
