//! What was meant by a word that is not known: slips of the hand are few letters away.

/// The candidate that `word` is most likely a slip of, if there is one.
pub fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .filter_map(|candidate| Some((slips(word, candidate)?, candidate)))
        .min_by_key(|&(slips, _)| slips)
        .map(|(_, candidate)| candidate)
}

/// In how many letters `word` differs from `candidate`, if they are few enough that it may be a slip of it.
pub fn slips(word: &str, candidate: &str) -> Option<usize> {
    let letters = word.chars().count();
    let distance = distance(word, candidate);
    (distance <= 1.max(letters.max(candidate.len()) / 3) && distance < letters).then_some(distance)
}

/// Letters inserted, deleted, replaced or swapped with their neighbour (optimal string alignment); case and
/// the difference between `-` and `_` cost nothing.
fn distance(left: &str, right: &str) -> usize {
    let fold = |text: &str| -> Vec<char> {
        text.chars()
            .take(100)
            .map(|c| {
                if c == '-' {
                    '_'
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect()
    };
    let (left, right) = (fold(left), fold(right));
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in 0..=left.len() {
        for j in 0..=right.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = usize::from(left[i - 1] != right[j - 1]);
                let mut best = (rows[i - 1][j] + 1)
                    .min(rows[i][j - 1] + 1)
                    .min(rows[i - 1][j - 1] + change);
                let swapped =
                    i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
                if swapped {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_letters_make_a_slip() {
        for (word, candidate, expected) in [
            ("fstba", "fstab", Some(1)),
            ("FSTAB", "fstab", Some(0)),
            ("leters", "letters", Some(1)),
            ("a", "b", None),
            ("passwd", "fstab", None),
            ("", "x", None),
        ] {
            assert_eq!(slips(word, candidate), expected, "{word}");
        }
        assert_eq!(
            nearest("sshd", ["ssh", "sshd_config"].into_iter()),
            Some("ssh")
        );
    }
}
