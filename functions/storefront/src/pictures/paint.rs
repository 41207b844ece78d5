//! Colours that go together, and the dice that choose among them.

/// The colours of one picture.
#[derive(Clone, Copy)]
pub(super) struct Palette {
    /// Behind everything.
    pub(super) ground: &'static str,
    /// The quiet shape on the ground.
    pub(super) halo: &'static str,
    /// The thing.
    pub(super) main: &'static str,
    /// Its shaded side.
    pub(super) deep: &'static str,
    /// Its bright side.
    pub(super) light: &'static str,
    /// The one colour that stands out.
    pub(super) spark: &'static str,
}

const fn palette(colours: [&'static str; 6]) -> Palette {
    let [ground, halo, main, deep, light, spark] = colours;
    Palette { ground, halo, main, deep, light, spark }
}

pub(super) const PALETTES: &[Palette] = &[
    palette(["#dfe8dc", "#c8d8c4", "#3f7358", "#234a38", "#f8f5ea", "#e0803f"]),
    palette(["#f2e6d3", "#e7d4b6", "#c2703d", "#7d3f1e", "#fff8ec", "#2f6f73"]),
    palette(["#dbe6ee", "#c1d4e2", "#35618a", "#1d3b58", "#f7fafc", "#e9a13b"]),
    palette(["#f3dfdc", "#e9c9c4", "#b4524f", "#6f2a2e", "#fff5f2", "#2f5d62"]),
    palette(["#e6e1ef", "#d2cae3", "#66558f", "#3d315c", "#faf8fd", "#e08e45"]),
    palette(["#f6ebc8", "#ecd897", "#c48a22", "#74500f", "#fffaec", "#8a3b3b"]),
    palette(["#d6e9e7", "#b8d8d5", "#1f7a78", "#0f4a4b", "#f4fbfa", "#e2674a"]),
    palette(["#e6e3dc", "#d3cec4", "#53524e", "#2b2a28", "#fbfaf7", "#d9573b"]),
    palette(["#2a3a44", "#354a57", "#e8b04a", "#b77f23", "#f7eed9", "#7fc6b0"]),
];

/// A deterministic source of choices.
pub(super) struct Dice(u64);

impl Dice {
    /// Dice that fall the same for the same text (FNV-1a).
    pub(super) fn new(text: &str) -> Self {
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(text.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
    }

    /// A number from 0 to `bound` - 1 (SplitMix64; the slight bias does not matter here).
    pub(super) fn below(&mut self, bound: u32) -> i32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i32::try_from((z ^ (z >> 31)) % u64::from(bound.max(1))).unwrap_or(0)
    }

    /// One of `items`, which are not empty.
    pub(super) fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let bound = u32::try_from(items.len()).unwrap_or(u32::MAX);
        &items[usize::try_from(self.below(bound)).unwrap_or(0)]
    }

    /// Whether something is so, half of the time.
    pub(super) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}
