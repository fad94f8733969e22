//! Geoproximity: regions by their distance, which weights and biases shrink or stretch.
//!
//! A region with bias b seems nearer or farther to everyone: its distance counts `1 - b/100` times for a bias above 0 and
//! `1 / (1 + b/100)` times below (Amazon Route 53, "Geoproximity routing"). A weight w divides the distance by w/100.
//! Distance is the mean one-way latency, which is all that a scenario knows of the globe. What can go wrong: places are
//! points here, so a bias moves a population as a whole or not at all; many populations make the border finer.

use crate::reader::{Arg, ReadError, Term, Value, Word};
use crate::units::Dimension;

/// One region among those to choose from.
#[derive(Clone, Debug, PartialEq)]
pub struct Pull {
    pub place: String,
    /// 100 changes nothing.
    pub weight: f64,
    /// -99 to 99; 0 changes nothing.
    pub bias: f64,
}

/// How it may be written.
pub(super) const EXAMPLE: &str = "geoproximity(us-east-1=100 eu-west-1=100+10)";

/// Reads the regions with their weights and biases.
pub(super) fn read(term: &Term) -> Result<Vec<Pull>, ReadError> {
    let help = || Some(format!("write `{EXAMPLE}`"));
    if term.args.is_empty() {
        return Err(term.missing("the regions to choose from", EXAMPLE));
    }
    let pull = |arg: &Arg| {
        let Some(place) = &arg.key else {
            return Err(arg.value.wrong("a region with its weight is expected", help()));
        };
        let (weight, bias) = match &arg.value {
            Value::Sum(parts) if parts.len() == 2 => {
                (parts[0].quantity(Dimension::Number)?, parts[1].quantity(Dimension::Number)?)
            }
            Value::Sum(_) => return Err(arg.value.wrong("a weight and one bias are expected", help())),
            Value::Word(word) => weight_and_bias(word)?,
            Value::Call(_) => return Err(arg.value.wrong("a weight is expected", help())),
        };
        if weight <= 0.0 || !(-99.0..=99.0).contains(&bias) {
            return Err(arg.value.wrong("a weight is above 0, and a bias lies between -99 and 99", help()));
        }
        Ok(Pull { place: place.text.clone(), weight, bias })
    };
    term.args.iter().map(pull).collect()
}

/// `100` or `100-10`.
fn weight_and_bias(word: &Word) -> Result<(f64, f64), ReadError> {
    let Some((weight, bias)) = word.text.split_once('-').filter(|(weight, _)| !weight.is_empty()) else {
        return Ok((word.quantity(Dimension::Number)?, 0.0));
    };
    match (weight.parse(), bias.parse::<f64>()) {
        (Ok(weight), Ok(bias)) => Ok((weight, -bias)),
        _ => Err(word.wrong("a weight with a bias is expected", Some(format!("write `{EXAMPLE}`")))),
    }
}

/// What a distance counts under a weight and a bias.
pub fn biased(distance: f64, weight: f64, bias: f64) -> f64 {
    let stretched = if bias < 0.0 { distance / (1.0 + bias / 100.0) } else { distance * (1.0 - bias / 100.0) };
    stretched * 100.0 / weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read_term;

    #[test]
    fn weights_and_biases_are_read() {
        let pulls = |text: &str| read(&read_term(text).expect("a term")).map_err(|error| error.message);
        let pull = |place: &str, weight, bias| Pull { place: place.to_owned(), weight, bias };
        let three = [pull("a", 100.0, 0.0), pull("b-1", 100.0, 10.0), pull("c", 50.0, -20.0)];
        assert_eq!(pulls("geoproximity(a=100 b-1=100+10 c=50-20)"), Ok(three.to_vec()));
        assert!(pulls(EXAMPLE).is_ok());
        for (text, message) in [
            ("geoproximity", "`geoproximity` needs the regions to choose from"),
            ("geoproximity(a)", "a region with its weight is expected"),
            ("geoproximity(a=0)", "a weight is above 0, and a bias lies between -99 and 99"),
            ("geoproximity(a=100+120)", "a weight is above 0, and a bias lies between -99 and 99"),
            ("geoproximity(a=1-x)", "a weight with a bias is expected"),
        ] {
            assert_eq!(pulls(text), Err(message.to_owned()), "{text}");
        }
    }

    /// The documentation's own examples: a bias of 25 makes 4 out of 3 of the distance, one of -25 three quarters.
    #[test]
    fn a_bias_pulls_and_pushes_alike() {
        assert_eq!(biased(40.0, 100.0, 0.0), 40.0);
        assert_eq!(biased(40.0, 100.0, 25.0), 30.0);
        assert_eq!(biased(30.0, 100.0, -25.0), 40.0);
        assert_eq!(biased(40.0, 200.0, 0.0), 20.0);
    }
}
