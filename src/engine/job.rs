//! One call of a function: the script, and the host or port that it is called for.

use std::fmt;

use serde_json::Value;

use super::{
    context::{self, ScriptContext},
    failure::Failure,
    function::{Function, call_function},
};
use crate::model::{Host, ScanHeader, Script, ScriptOrigin, ScriptValue};

/// Call that an engine makes for a host, from [`Engine::jobs`](super::Engine::jobs).
///
/// [`Engine::run`](super::Engine::run) makes all calls itself, on threads of its own and under a time limit. A program
/// whose functions are bound to a thread makes them there instead, one after another.
///
/// ```
/// use scanmill::engine::{Engine, HostScript};
///
/// let mut engine = Engine::new();
/// engine.host_script(HostScript::new("names", |context| Ok(context.host().hostnames.len())))?;
///
/// let file = std::fs::File::open("fixtures/01-tcp-connect-default.xml")?;
/// for host in scanmill::xml::Reader::new(file, Default::default()).hosts() {
///     let mut host = host?;
///     let seen = host.clone();
///     for job in engine.jobs(&seen) {
///         let result = job.call(&Default::default(), &seen);
///         assert!(job.store(&mut host, result).is_none(), "it has not failed");
///     }
///     assert_eq!(host.scripts.last().map(|script| &*script.name), Some("names"));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct EngineJob<'e> {
    script: &'e str,
    function: &'e Function,
    port: Option<usize>,
}

impl<'e> EngineJob<'e> {
    pub(super) fn new(script: &'e str, function: &'e Function, port: Option<usize>) -> Self {
        Self { script, function, port }
    }

    /// Returns the name of the script.
    #[must_use]
    pub fn script(&self) -> &'e str {
        self.script
    }

    /// Returns the index of the port in the list of the host; `None` for a host script.
    #[must_use]
    pub fn port(&self) -> Option<usize> {
        self.port
    }

    /// Calls the function on this thread, without a time limit, for the host that the job was created for.
    ///
    /// # Errors
    /// Returns the message of the function if it fails or panics.
    pub fn call(&self, run: &ScanHeader, host: &Host<'static>) -> Result<Value, String> {
        call_function(self.function, &ScriptContext::new(run, host, self.port))
    }

    /// Adds the result of the call to the scripts of the host or port. A result of an earlier call is replaced. Returns
    /// the failure if there is no result.
    pub fn store(&self, host: &mut Host<'_>, result: Result<Value, String>) -> Option<Failure> {
        let value = match result {
            Ok(value) => value,
            Err(message) => return Some(self.failure(host, message)),
        };
        let scripts = match self.port {
            None => Some(&mut host.scripts),
            Some(port) => host.ports.get_mut(port).map(|port| &mut port.scripts),
        };
        if let Some(scripts) = scripts {
            let script = script(self.script, &value);
            scripts.retain(|known| known.origin != script.origin || known.name != script.name);
            scripts.push(script);
        }
        None
    }

    pub(super) fn function(&self) -> &'e Function {
        self.function
    }

    fn failure(&self, host: &Host<'_>, message: String) -> Failure {
        let port = self.port.and_then(|port| host.ports.get(port));
        Failure {
            script: self.script.to_owned(),
            target: context::target(host),
            port: port.map(|port| (port.protocol.as_str().to_owned(), port.number)),
            message,
        }
    }
}

impl fmt::Debug for EngineJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineJob")
            .field("script", &self.script)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Returns the script that has this value as its result.
pub(super) fn script(name: &str, value: &Value) -> Script<'static> {
    let output = match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    Script {
        name: name.to_owned().into(),
        output: output.map(Into::into),
        data: ScriptValue::Json(value.to_string().into()),
        origin: ScriptOrigin::Engine,
    }
}
