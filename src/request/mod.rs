//! Input of an nmap scan: targets, ports and arguments, checked on construction (DATA_MODEL section 6).

mod arguments;
mod into_arguments;
mod ports;
mod targets;

use std::ffi::OsString;

pub use self::{
    arguments::Arguments,
    into_arguments::IntoArguments,
    ports::{IntoPorts, PortSet},
    targets::{IntoTargets, Targets},
};

/// Returns the environment variables to remove for nmap. `NMAP_ARGS` would make nmap split its value and all its
/// arguments again, without regard to quotes and to the checks made here.
pub(crate) fn env_removed_for_nmap() -> Vec<OsString> {
    vec!["NMAP_ARGS".into()]
}
