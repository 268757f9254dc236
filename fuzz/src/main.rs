//! libFuzzer's driver around the bodies in `scanmill::fuzzing`. One binary holds all targets, so that one build serves
//! them: the variable `SCANMILL_FUZZ_TARGET`, which `fuzz/run` sets, says which one runs.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use scanmill::fuzzing::{TARGETS, Target, target};

static TARGET: OnceLock<&'static Target> = OnceLock::new();

/// Finds the target, and removes the hook that ends the process at any panic: scanmill catches panics of
/// libraries that read damaged files, and those are not findings. A panic that leaves the body still ends the
/// process.
fn begin() {
    drop(std::panic::take_hook());
    let name = std::env::var("SCANMILL_FUZZ_TARGET").unwrap_or_default();
    let Some(found) = target(&name) else {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("no target {name:?}; there are {}", names.join(", "));
        std::process::exit(2);
    };
    let _ = TARGET.set(found);
}

fuzz_target!(init: begin(), |data: &[u8]| {
    if let Some(target) = TARGET.get() {
        (target.run)(data);
    }
});
