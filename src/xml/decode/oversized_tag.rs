//! Start tags between hosts that exceed the limit on tags (rule R10).

use super::{
    super::{diagnostics::oversized_tag, token::Name},
    Decoder, Phase,
};
use crate::error::DiagnosticCode;

impl Decoder {
    /// Handles the beginning of such a tag.
    pub(super) fn oversized_tag(&mut self, len: usize) {
        let name = String::from_utf8_lossy(self.framer.oversized_tag()).into_owned();
        if name == "nmaprun" {
            self.begin_document();
            self.begin_bare();
        } else if self.phase != Phase::Open && !name.starts_with('/') {
            // Its attributes are unknown.
            self.first_element(&name, 0);
        }
        if self.phase == Phase::Open && !self.document.stack.skips(Name::of(&name)) {
            self.warn(DiagnosticCode::Limit, &oversized_tag(&name));
        }
        self.consume(len);
    }

    /// Handles the end of such a tag; `opens` is true if its element is then open.
    pub(super) fn oversized_tag_end(&mut self, opens: bool, len: usize) {
        let name = String::from_utf8_lossy(self.framer.oversized_tag()).into_owned();
        if self.phase == Phase::Open && name != "nmaprun" {
            self.document.stack.drop_tag(Name::of(&name), opens);
        }
        self.consume(len);
    }
}
