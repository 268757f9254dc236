//! Prints the public API that a JSON file of rustdoc describes: one item per line, with its signature.

use std::{env, error::Error, io::Write};

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args_os().nth(1).ok_or("usage: public-api-listing FILE.json")?;
    let api = public_api::Builder::from_rustdoc_json(file)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    let mut lines = Vec::new();
    for item in api.items() {
        writeln!(lines, "{item}")?;
    }
    std::io::stdout().write_all(&lines)?;
    Ok(())
}
