//! Reproducible chance.

/// SplitMix64: the same seed, the same draws.
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Text of up to `most` pieces: letters, digits, all that means something somewhere, any Unicode.
    pub(crate) fn text(&mut self, most: usize) -> String {
        const PIECES: [&str; 56] = [
            "a",
            "b",
            "Z",
            "0",
            "9",
            "-",
            "_",
            ".",
            "/",
            "..",
            "\\",
            " ",
            "\t",
            "\r",
            "\n",
            "\r\n",
            "\0",
            "\u{1b}",
            "\u{7f}",
            "\u{85}",
            "\"",
            "'",
            ";",
            ",",
            ":",
            "=",
            "*",
            "%",
            "%0d%0a",
            "%22",
            "&",
            "?",
            "#",
            "+",
            "[",
            "]",
            "{",
            "}",
            "<",
            ">",
            "|",
            "é",
            "ß",
            "日本",
            "👍",
            "e\u{301}",
            "\u{202e}",
            "\u{202d}",
            "\u{2066}",
            "\u{200b}",
            "\u{feff}",
            "\u{fffd}",
            "\u{10ffff}",
            "ａ",
            "．",
            "UTF-8''",
        ];
        (0..self.below(most + 1))
            .map(|_| match self.below(20) {
                0 => char::from_u32(u32::try_from(self.below(0x11_0000)).unwrap())
                    .unwrap_or('x')
                    .to_string(),
                _ => (*self.pick(&PIECES)).to_owned(),
            })
            .collect()
    }
}
