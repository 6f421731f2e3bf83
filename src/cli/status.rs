//! `cback status`: how the pool is, at a glance.

use super::args::{Common, StatusWish};
use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;
use crate::action::{DiscStatus, PeerStatus, Status, status};
use crate::clock::{Clock as _, SystemClock};
use crate::event::{bytes, printable};
use crate::units::Day;

/// Shows how the pool is.
pub fn run(common: &Common, wish: &StatusWish) -> Exit {
    let session = Session::without_log(common);
    let outcome = work(&session, common, wish);
    session.end(&outcome)
}

fn work(session: &Session, common: &Common, wish: &StatusWish) -> Result<Exit, Failure> {
    let config = session.load(common)?;
    let status = status(&config, SystemClock.today()).map_err(|error| {
        Failure::of(Exit::Failed, error).advise("is it mounted, and may this user read it?")
    })?;
    session.show(&status, text);
    let Some(most) = wish.max_age else {
        return Ok(Exit::Well);
    };
    let mut old: Vec<String> = status
        .peers_older_than(most)
        .into_iter()
        .map(|peer| format!("peer {peer}"))
        .collect();
    if status.is_disc_older_than(most) {
        old.push("the disc".to_owned());
    }
    if old.is_empty() {
        return Ok(Exit::Well);
    }
    let days = if most == 1 { "day" } else { "days" };
    Err(Failure::new(
        Exit::TooOld,
        format!(
            "the last backup is older than {most} {days}: {}",
            old.join(", ")
        ),
    ))
}

fn text(status: &Status) -> String {
    let width = status
        .peers
        .iter()
        .map(|peer| peer.name.as_str().chars().count())
        .max()
        .unwrap_or(0);
    let mut lines: Vec<String> = status
        .peers
        .iter()
        .map(|peer| {
            format!(
                "{:width$}  {}",
                peer.name.as_str(),
                staged(status.today, peer)
            )
        })
        .collect();
    lines.push(String::new());
    lines.push(match status.stored {
        Some(day) => format!("last stored {}", ago(status.today, day)),
        None => "nothing was stored yet".to_owned(),
    });
    for (what, days) in [
        ("staged and on no disc", &status.waiting),
        ("dated in the future, and not counted", &status.ahead),
    ] {
        if !days.is_empty() {
            let days: Vec<String> = days.iter().map(Day::to_string).collect();
            lines.push(format!("{what}: {}", days.join(", ")));
        }
    }
    lines.extend(status.disc.as_ref().map(disc));
    lines.join("\n")
}

fn staged(today: Day, peer: &PeerStatus) -> String {
    let last = match peer.staged {
        Some(day) => format!("staged {}", ago(today, day)),
        None => "never staged".to_owned(),
    };
    match peer.missing_since {
        Some(day) => format!("{last}, missing since {day}"),
        None => last,
    }
}

fn ago(today: Day, day: Day) -> String {
    match today.days_since(day) {
        0 => format!("{day}, today"),
        1 => format!("{day}, yesterday"),
        days if days > 1 => format!("{day}, {days} days ago"),
        _ => day.to_string(),
    }
}

fn disc(disc: &DiscStatus) -> String {
    match disc {
        DiscStatus::None => "no disc is in the drive".to_owned(),
        DiscStatus::There {
            label,
            sessions,
            used,
            free,
        } => {
            if *sessions == 0 {
                return format!("a blank disc, {} free", bytes(*free));
            }
            let percent = used.saturating_mul(100) / used.saturating_add(*free).max(1);
            let plural = if *sessions == 1 { "" } else { "s" };
            format!(
                "disc {}: {sessions} session{plural}, {} used ({percent} %), {} free",
                printable(label),
                bytes(*used),
                bytes(*free),
            )
        }
        DiscStatus::Changer {
            in_use,
            free,
            blank,
            unknown,
            bad,
        } => {
            let used = in_use.iter().zip(free);
            let mut parts: Vec<String> = used
                .map(|(label, free)| format!("disc {label}, {} free", bytes(*free)))
                .collect();
            for (count, word) in [(blank, "blank"), (unknown, "unknown"), (bad, "bad")] {
                if *count > 0 || word == "blank" {
                    parts.push(format!("{count} {word}"));
                }
            }
            format!("in the changer: {}", parts.join("; "))
        }
        DiscStatus::Unreadable { reason } => {
            format!("the disc cannot be looked at: {}", printable(reason))
        }
    }
}
