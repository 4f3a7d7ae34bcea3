//! Dice that show the same on every machine for ever.
//!
//! SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014), written out here: the
//! generators of the rand crate may change with its version, and then every lead would.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that begin at this state.
    pub fn new(state: u64) -> Self {
        Self(state)
    }

    /// The dice of one lead: those of neighbours have nothing in common.
    pub fn of(seed: u64, index: u64) -> Self {
        let seed = Self(seed).roll();
        Self(seed ^ Self(index.rotate_left(32)).roll())
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if that is 0. For bounds far below 2^64 all are as likely.
    pub fn below(&mut self, bound: u64) -> u64 {
        let scaled = (u128::from(self.roll()) * u128::from(bound)) >> 64;
        u64::try_from(scaled).unwrap_or(0)
    }

    /// A number of `from..=to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// True once in `times`, on average.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// True `percent` times in a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, which are not empty.
    pub fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.index(items.len())]
    }

    /// An index into something of this length.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// `least` to `most` different ones of `items`, in the order of `items`; fewer if there are no more.
    pub fn some<'a>(&mut self, items: &[&'a str], least: u64, most: u64) -> Vec<&'a str> {
        let mut wanted = self.between(least, most).min(items.len() as u64);
        let mut some = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let left = (items.len() - index) as u64;
            if self.below(left) < wanted {
                some.push(*item);
                wanted -= 1;
            }
        }
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_show_what_the_reference_shows() {
        // The reference implementation's first numbers for this state (Vigna, splitmix64.c).
        let mut dice = Dice::new(1_234_567);
        let shown: Vec<u64> = (0..5).map(|_| dice.roll()).collect();
        assert_eq!(
            shown,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn bounds_are_kept_and_reached() {
        let mut dice = Dice::new(7);
        let mut seen = [false; 6];
        for _ in 0..200 {
            let number = dice.between(1, 6);
            seen[usize::try_from(number).unwrap() - 1] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(dice.below(0), 0);
        for _ in 0..50 {
            let some = dice.some(&["a", "b", "c"], 1, 2);
            assert!((1..=2).contains(&some.len()) && some.is_sorted());
        }
        assert_eq!(dice.some(&["a"], 3, 3), ["a"]);
    }
}
