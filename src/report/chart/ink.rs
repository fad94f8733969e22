//! Colours by what they mean. Nothing is told by colour alone: lines have a legend, verdicts a word, levels a figure.

/// What something is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ink {
    Paper,
    Text,
    Faint,
    Grid,
    Good,
    Bad,
    Unsure,
    /// One of eight that can be told apart.
    Series(u8),
    /// From hardly anything (0) to all (8), one hue from light to dark.
    Level(u8),
    /// Text on such a level.
    OnLevel(u8),
}

/// How many series can be told apart.
pub const SERIES: usize = 8;
/// The greatest level.
pub const MOST: u8 = 8;

/// Red, green and blue for light paper and for dark.
type Pair = [u32; 2];

const PAPER: Pair = [0xffffff, 0x12171d];
const TEXT: Pair = [0x1b1f24, 0xe6e9ec];
const FAINT: Pair = [0x57606a, 0xa3adb8];
const GRID: Pair = [0xdde1e6, 0x303942];
const GOOD: Pair = [0x1a7f4b, 0x5fd39a];
const BAD: Pair = [0xb3261e, 0xff8a80];
const UNSURE: Pair = [0x8a6100, 0xe5c15a];
const OF_SERIES: [Pair; SERIES] = [
    [0x0b63b8, 0x6cb2ff],
    [0xb85000, 0xffa45c],
    [0x1a7f4b, 0x5fd39a],
    [0x8a3ea8, 0xd69bf0],
    [0x7a5c00, 0xd9b94a],
    [0x007a87, 0x4fd0dd],
    [0xb3261e, 0xff8a80],
    [0x4d5761, 0xb4bec8],
];
const LEVELS: [Pair; MOST as usize + 1] = [
    [0xeff5fb, 0x16212c],
    [0xdbe9f7, 0x1a2f44],
    [0xbfd8f0, 0x1f405f],
    [0x97c1e6, 0x25527b],
    [0x68a5d9, 0x2d6699],
    [0x2f76b5, 0x7db4e3],
    [0x2269ad, 0x9cc8ee],
    [0x124e8d, 0xbcdcf6],
    [0x08356b, 0xdceefc],
];
/// From this level on, light paper needs light letters and dark paper dark ones.
const TURNS: u8 = 5;

impl Ink {
    /// Series are told apart as long as there are not too many.
    pub fn series(number: usize) -> Ink {
        Ink::Series((number % SERIES) as u8)
    }

    /// The level of a share between 0 and 1.
    pub fn level(share: f64) -> u8 {
        (share.clamp(0.0, 1.0) * f64::from(MOST)).round() as u8
    }

    /// The colour, `0xrrggbb`.
    pub fn colour(self, dark: bool) -> u32 {
        let pair = match self {
            Ink::Paper => PAPER,
            Ink::Text => TEXT,
            Ink::Faint => FAINT,
            Ink::Grid => GRID,
            Ink::Good => GOOD,
            Ink::Bad => BAD,
            Ink::Unsure => UNSURE,
            Ink::Series(number) => OF_SERIES[usize::from(number) % SERIES],
            Ink::Level(level) => LEVELS[usize::from(level.min(MOST))],
            Ink::OnLevel(level) if level < TURNS => TEXT,
            Ink::OnLevel(_) => [PAPER[0], PAPER[1]],
        };
        pair[usize::from(dark)]
    }

    /// The class that a page knows it by.
    pub fn class(self) -> String {
        match self {
            Ink::Paper => "paper".to_owned(),
            Ink::Text => "text".to_owned(),
            Ink::Faint => "faint".to_owned(),
            Ink::Grid => "grid".to_owned(),
            Ink::Good => "good".to_owned(),
            Ink::Bad => "bad".to_owned(),
            Ink::Unsure => "unsure".to_owned(),
            Ink::Series(number) => format!("s{number}"),
            Ink::Level(level) => format!("l{level}"),
            Ink::OnLevel(level) => format!("o{level}"),
        }
    }

    /// All there are.
    pub fn all() -> impl Iterator<Item = Ink> {
        let named = [Ink::Paper, Ink::Text, Ink::Faint, Ink::Grid, Ink::Good, Ink::Bad, Ink::Unsure];
        let series = (0..SERIES as u8).map(Ink::Series);
        let levels = (0..=MOST).flat_map(|level| [Ink::Level(level), Ink::OnLevel(level)]);
        named.into_iter().chain(series).chain(levels)
    }
}

/// What people see of a colour, between 0 and 1 (WCAG 2, relative luminance).
pub fn luminance(colour: u32) -> f64 {
    let part = |shift: u32| {
        let share = f64::from(colour >> shift & 0xff) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { libm::pow((share + 0.055) / 1.055, 2.4) }
    };
    0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// WCAG 2.2: 4.5 to 1 for text, 3 to 1 for lines.
    #[test]
    fn everything_can_be_read_on_both_papers() {
        for dark in [false, true] {
            let paper = Ink::Paper.colour(dark);
            for ink in [Ink::Text, Ink::Faint, Ink::Good, Ink::Bad, Ink::Unsure] {
                assert!(4.5 <= contrast(ink.colour(dark), paper), "{ink:?} {dark}");
            }
            for number in 0..SERIES as u8 {
                assert!(4.5 <= contrast(Ink::Series(number).colour(dark), paper), "series {number} {dark}");
            }
            for level in 0..=MOST {
                let both = contrast(Ink::OnLevel(level).colour(dark), Ink::Level(level).colour(dark));
                assert!(4.5 <= both, "level {level} {dark}: {both}");
            }
        }
    }

    #[test]
    fn levels_go_one_way() {
        for dark in [false, true] {
            let seen: Vec<f64> = (0..=MOST).map(|level| luminance(Ink::Level(level).colour(dark))).collect();
            assert!(seen.windows(2).all(|pair| if dark { pair[0] < pair[1] } else { pair[1] < pair[0] }), "{seen:?}");
        }
    }
}
