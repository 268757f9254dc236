//! What nmap is asked for: targets, ports and arguments, checked when they are given (DATA_MODEL section 6).

mod arguments;
mod given;
mod ports;
mod targets;

pub use self::{
    arguments::Arguments,
    given::IntoArguments,
    ports::{IntoPorts, PortSet},
    targets::{IntoTargets, Targets},
};
