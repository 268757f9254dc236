//! x
/// y
pub fn files() -> Vec<(std::path::PathBuf, String)> {
    Vec::new()
}
