//! Start tags beyond the cap on tags, between hosts (rule R10).

use super::{
    super::{token::Name, walk::long_tag},
    Decoder, Phase,
};
use crate::error::Code;

impl Decoder {
    /// Such a tag begins.
    pub(super) fn long_tag(&mut self, len: usize) {
        let name = String::from_utf8_lossy(self.framer.long_tag()).into_owned();
        if name == "nmaprun" {
            self.begin_document();
            self.begin_bare();
        } else if self.phase != Phase::Open && !name.starts_with('/') {
            // Its attributes are not known.
            self.first_element(&name, 0);
        }
        if self.phase == Phase::Open && !self.document.stack.skips(Name::of(&name)) {
            self.note(Code::Limit, &long_tag(&name));
        }
        self.consume(len);
    }

    /// It ends, and an element is open then or not.
    pub(super) fn long_tag_end(&mut self, opens: bool, len: usize) {
        let name = String::from_utf8_lossy(self.framer.long_tag()).into_owned();
        if self.phase == Phase::Open && name != "nmaprun" {
            self.document.stack.drop_tag(Name::of(&name), opens);
        }
        self.consume(len);
    }
}
