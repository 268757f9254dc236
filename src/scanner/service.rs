//! Service of a port, with the scripts that ran on the port.

use serde::Serialize;

use crate::{
    engine,
    error::{Error, Result},
    model::{CowStr, Port, Script, ScriptOrigin, Service},
};

/// Service with the scripts of its port.
#[derive(Debug, Clone, Copy)]
pub struct ServiceView<'s> {
    service: Option<&'s Service<'static>>,
    scripts: &'s [Script<'static>],
}

/// Service whose scripts can be changed.
#[derive(Debug)]
pub struct ServiceViewMut<'s>(&'s mut Port<'static>);

impl<'s> ServiceView<'s> {
    /// Returns the first service of a port; an empty one if a function of an engine ran on the port.
    pub(super) fn of(port: &'s Port<'static>) -> Option<Self> {
        let service = port.services.first();
        let is_there = || port.scripts.iter().any(|script| script.origin == ScriptOrigin::Engine);
        (service.is_some() || is_there()).then_some(Self { service, scripts: &port.scripts })
    }

    /// Returns the service; `None` if there are only scripts.
    #[must_use]
    pub fn service(&self) -> Option<&'s Service<'static>> {
        self.service
    }

    /// Returns the name of the service.
    #[must_use]
    pub fn name(&self) -> Option<&'s str> {
        self.service?.name.as_deref()
    }

    /// Returns the product.
    #[must_use]
    pub fn product(&self) -> Option<&'s str> {
        self.service?.product.as_deref()
    }

    /// Returns the version.
    #[must_use]
    pub fn version(&self) -> Option<&'s str> {
        self.service?.version.as_deref()
    }

    /// Returns the extra information.
    #[must_use]
    pub fn extra_info(&self) -> Option<&'s str> {
        self.service?.extra_info.as_deref()
    }

    /// Returns product, version and extra information, separated by blanks. Missing parts are left out.
    #[must_use]
    pub fn standard_info(&self) -> String {
        let parts = [self.product(), self.version(), self.extra_info()];
        let words = parts.into_iter().flatten().flat_map(str::split_whitespace);
        words.collect::<Vec<_>>().join(" ")
    }

    /// Returns the output of the script with this name. A script may have no output.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`](crate::error::ErrorKind::Scan) if there is no such script.
    pub fn get(&self, script: &str) -> Result<Option<&'s str>> {
        exact(self.scripts, script)
    }

    /// Returns true if there is a script with this name.
    #[must_use]
    pub fn contains(&self, script: &str) -> bool {
        self.scripts.iter().any(|known| known.name == script)
    }

    /// Returns the names and outputs of scripts whose name contains a text. The empty text selects all.
    #[must_use]
    pub fn scripts(&self, containing: &str) -> Vec<(&'s str, Option<&'s str>)> {
        containing_name(self.scripts, containing)
    }
}

impl<'s> ServiceViewMut<'s> {
    pub(super) fn of(port: &'s mut Port<'static>) -> Option<Self> {
        ServiceView::of(port)?;
        Some(Self(port))
    }

    /// Returns a read-only view of the service.
    #[must_use]
    pub fn view(&self) -> ServiceView<'_> {
        ServiceView { service: self.0.services.first(), scripts: &self.0.scripts }
    }

    /// Sets the result of the script with this name: any value that serializes to JSON, including null.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Engine`](crate::error::ErrorKind::Engine) if the value cannot be serialized.
    pub fn set(&mut self, script: &str, value: impl Serialize) -> Result<()> {
        let made = engine::script_of(script, value)?;
        let scripts = &mut self.0.scripts;
        match scripts.iter_mut().find(|known| known.name == script) {
            Some(known) => *known = made,
            None => scripts.push(made),
        }
        Ok(())
    }

    /// Deletes the scripts with this name.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`](crate::error::ErrorKind::Scan) if there is none.
    pub fn delete(&mut self, script: &str) -> Result<()> {
        exact(&self.0.scripts, script)?;
        self.0.scripts.retain(|known| known.name != script);
        Ok(())
    }
}

/// Returns the output of the first script with exactly this name.
pub(super) fn exact<'s>(scripts: &'s [Script<'static>], name: &str) -> Result<Option<&'s str>> {
    let found = scripts.iter().find(|script| script.name == name);
    let found = found.ok_or_else(|| Error::scan(format!("there is no script {name:?}")))?;
    Ok(found.output.as_deref())
}

/// Returns the names and outputs of scripts whose name contains a text.
pub(super) fn containing_name<'s>(
    scripts: &'s [Script<'static>],
    text: &str,
) -> Vec<(&'s str, Option<&'s str>)> {
    let of_script = |script: &'s Script<'static>| -> (&'s str, Option<&'s str>) {
        let name: &'s CowStr<'static> = &script.name;
        (name, script.output.as_deref())
    };
    scripts.iter().filter(|script| script.name.contains(text)).map(of_script).collect()
}
