//! `--engine FILE.toml`: programs that run as scripts of hosts and ports.

use std::{path::Path, sync::Arc};

use serde_json::json;

use super::console::Console;
use crate::{
    engine::Engine,
    error::Result,
    ops::{EnginePrograms, ProcessGroup},
    process::adopt_orphans,
};

/// Reads a file of programs. They are registered in `processes` while they run, and end together
/// with all processes that they start. Prints a warning where the system does not support that.
pub(super) fn open(
    path: &Path,
    processes: &ProcessGroup,
    console: &Console,
) -> Result<Arc<Engine>> {
    let engine = EnginePrograms::new(path).with_processes(processes.clone()).read()?;
    if let Err(error) = adopt_orphans() {
        let message = "engine programs that leave their session may outlive their time limit";
        console.warning(&format!("{message}: {error}"), &json!({}));
    }
    Ok(Arc::new(engine))
}
