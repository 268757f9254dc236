//! Sets of IPv4 addresses as products of octet ranges, like nmap's octet expressions.

use std::{cmp::Reverse, collections::BinaryHeap, fmt, net::Ipv4Addr};

/// Addresses whose octets are each in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Block(pub(super) [(u8, u8); 4]);

impl Block {
    pub(super) fn first(self) -> u32 {
        u32::from_be_bytes(self.0.map(|(low, _)| low))
    }

    fn last(self) -> u32 {
        u32::from_be_bytes(self.0.map(|(_, high)| high))
    }

    pub(super) fn count(self) -> u64 {
        self.0.iter().map(|(low, high)| u64::from(high - low) + 1).product()
    }

    pub(super) fn contains(self, address: u32) -> bool {
        let octets = address.to_be_bytes();
        self.0.iter().zip(octets).all(|((low, high), octet)| (*low..=*high).contains(&octet))
    }

    /// Returns the first and the last address, if the addresses are contiguous.
    fn range(self) -> Option<(u32, u32)> {
        let mut behind = self.0.iter().skip_while(|(low, high)| low == high).skip(1);
        behind.all(|octet| *octet == (0, 255)).then(|| (self.first(), self.last()))
    }

    /// Returns the next address of the block.
    fn next(self, address: u32) -> Option<u32> {
        let mut octets = address.to_be_bytes();
        for (octet, (low, high)) in octets.iter_mut().zip(self.0).rev() {
            if *octet < high {
                *octet += 1;
                return Some(u32::from_be_bytes(octets));
            }
            *octet = low;
        }
        None
    }

    /// Cuts the block into blocks of at most about `share` addresses.
    pub(super) fn cut(self, share: u128) -> Vec<Self> {
        let mut parts = vec![self];
        // Cut the first octet that is a range until the parts are small enough.
        for place in 0..4 {
            let (mut done, mut large): (Vec<_>, Vec<_>) =
                parts.into_iter().partition(|part| u128::from(part.count()) <= share);
            for part in large.drain(..) {
                let (low, high) = part.0[place];
                let each = u128::from(part.count()) / (u128::from(high - low) + 1);
                let step = u8::try_from((share / each.max(1)).clamp(1, 255)).unwrap_or(255);
                let mut from = low;
                loop {
                    let to = from.saturating_add(step - 1).min(high);
                    let mut piece = part;
                    piece.0[place] = (from, to);
                    done.push(piece);
                    if to == high {
                        break;
                    }
                    from = to + 1;
                }
            }
            parts = done;
        }
        parts.sort_unstable_by_key(|part| part.first());
        parts
    }

    /// Appends the parts of the block that are not in another one.
    fn without(self, other: Self, left: &mut Vec<Self>) {
        let meets =
            self.0.iter().zip(other.0).all(|(mine, its)| mine.0 <= its.1 && its.0 <= mine.1);
        if !meets {
            left.push(self);
            return;
        }
        let mut rest = self;
        for (place, its) in other.0.into_iter().enumerate() {
            let (low, high) = rest.0[place];
            let mut part = |range| {
                let mut part = rest;
                part.0[place] = range;
                left.push(part);
            };
            if low < its.0 {
                part((low, its.0 - 1));
            }
            if high > its.1 {
                part((its.1 + 1, high));
            }
            rest.0[place] = (low.max(its.0), high.min(its.1));
        }
    }
}

impl fmt::Display for Block {
    /// Formats the block as nmap accepts it: `192.168.1-254.0-255`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (low, high)) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(".")?;
            }
            write!(f, "{low}")?;
            if low != high {
                write!(f, "-{high}")?;
            }
        }
        Ok(())
    }
}

/// Appends the smallest number of blocks that make up a range, in order.
fn blocks_of(first: u32, last: u32, blocks: &mut Vec<Block>) {
    let (from, to) = (first.to_be_bytes(), last.to_be_bytes());
    split(from, to, 0, Block(from.map(|octet| (octet, octet))), blocks);
}

/// Splits a range whose octets before `place` are equal; `block` contains these octets.
fn split(from: [u8; 4], to: [u8; 4], place: usize, block: Block, blocks: &mut Vec<Block>) {
    let whole =
        |octets: [u8; 4], edge: u8| octets.iter().skip(place + 1).all(|octet| *octet == edge);
    let with = |range: (u8, u8), behind: (u8, u8)| {
        let mut with = block;
        for (at, octet) in with.0.iter_mut().enumerate().skip(place) {
            *octet = if at == place { range } else { behind };
        }
        with
    };
    let (mut low, mut high) = (from[place], to[place]);
    if low == high && place < 3 {
        return split(from, to, place + 1, with((low, low), (0, 255)), blocks);
    }
    let begins_whole = place == 3 || whole(from, 0);
    let ends_whole = place == 3 || whole(to, 255);
    if !begins_whole {
        split(from, [255; 4], place + 1, with((low, low), (0, 255)), blocks);
        low += 1;
    }
    if !ends_whole {
        high -= 1;
    }
    if low <= high {
        blocks.push(with((low, high), (0, 255)));
    }
    if !ends_whole {
        split([0; 4], to, place + 1, with((high + 1, high + 1), (0, 255)), blocks);
    }
}

/// Returns blocks without common addresses, in the order of their first addresses.
pub(super) fn disjoint(ranges: Vec<(u32, u32)>, products: &[Block]) -> Vec<Block> {
    let mut ranges = ranges;
    let mut left: Vec<Block> = Vec::new();
    for block in products {
        match block.range() {
            Some(range) => ranges.push(range),
            None => left.push(*block),
        }
    }
    ranges.sort_unstable();
    let mut joined: Vec<(u32, u32)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    let mut blocks = Vec::new();
    for (first, last) in joined {
        blocks_of(first, last, &mut blocks);
    }
    for product in left {
        let mut parts = vec![product];
        for known in blocks.clone() {
            let mut rest = Vec::new();
            for part in parts {
                part.without(known, &mut rest);
            }
            parts = rest;
        }
        blocks.extend(parts);
    }
    blocks.sort_unstable_by_key(|block| block.first());
    blocks
}

/// Iterator over the addresses of disjoint blocks, in order.
pub(super) struct Addresses<'b> {
    blocks: &'b [Block],
    next: BinaryHeap<Reverse<(u32, usize)>>,
    /// Index of the first block that is not in the heap. Later blocks begin at higher addresses.
    waiting: usize,
}

impl<'b> Addresses<'b> {
    pub(super) fn of(blocks: &'b [Block]) -> Self {
        Self { blocks, next: BinaryHeap::new(), waiting: 0 }
    }
}

impl Iterator for Addresses<'_> {
    type Item = Ipv4Addr;

    fn next(&mut self) -> Option<Ipv4Addr> {
        while let Some(block) = self.blocks.get(self.waiting)
            && self.next.peek().is_none_or(|Reverse((address, _))| block.first() < *address)
        {
            self.next.push(Reverse((block.first(), self.waiting)));
            self.waiting += 1;
        }
        let Reverse((address, block)) = self.next.pop()?;
        if let Some(next) = self.blocks.get(block).and_then(|of| of.next(address)) {
            self.next.push(Reverse((next, block)));
        }
        Some(Ipv4Addr::from(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(first: [u8; 4], last: [u8; 4]) -> String {
        let mut blocks = Vec::new();
        blocks_of(u32::from_be_bytes(first), u32::from_be_bytes(last), &mut blocks);
        blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ranges_are_written_in_few_words() {
        for (first, last, words) in [
            ([192, 168, 0, 1], [192, 168, 0, 254], "192.168.0.1-254"),
            (
                [192, 168, 0, 1],
                [192, 168, 255, 254],
                "192.168.0.1-255 192.168.1-254.0-255 192.168.255.0-254",
            ),
            ([10, 0, 0, 0], [10, 255, 255, 255], "10.0-255.0-255.0-255"),
            ([0, 0, 0, 0], [255, 255, 255, 255], "0-255.0-255.0-255.0-255"),
            ([10, 0, 0, 5], [10, 0, 0, 5], "10.0.0.5"),
            ([10, 0, 0, 250], [10, 0, 1, 3], "10.0.0.250-255 10.0.1.0-3"),
            ([9, 255, 255, 255], [10, 0, 0, 0], "9.255.255.255 10.0.0.0"),
        ] {
            assert_eq!(shown(first, last), words);
        }
    }
}
