//! Functions of users, and how they are called.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use serde::Serialize;
use serde_json::Value;

use super::context::ScriptContext;

/// Error of a function.
pub type ScriptFailed = Box<dyn std::error::Error + Send + Sync>;

/// Function in the form in which it is stored.
pub(super) type Function =
    Arc<dyn Fn(&ScriptContext<'_>) -> std::result::Result<Value, ScriptFailed> + Send + Sync>;

/// Returns a function in the form in which it is stored.
pub(super) fn function<R: Serialize>(
    run: impl Fn(&ScriptContext<'_>) -> std::result::Result<R, ScriptFailed> + Send + Sync + 'static,
) -> Function {
    Arc::new(move |context| Ok(serde_json::to_value(run(context)?)?))
}

/// Calls a function. The message of a panic is an error, as that of a failure is.
pub(super) fn call_function(
    function: &Function,
    context: &ScriptContext<'_>,
) -> Result<Value, String> {
    match catch_unwind(AssertUnwindSafe(|| function(context))) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => Err(format!("it panicked: {}", panic_message(&*panic))),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
