//! Logging in and agreeing on parameters (RFC 7143, sections 6 and 13).

use super::pdu::SEGMENT;

/// What was agreed.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The longest segment that the initiator takes.
    pub segment: usize,
    /// The longest burst after a request for it.
    pub burst: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            segment: 8192,
            burst: 262_144,
        }
    }
}

/// Answers the keys of a login or text request.
pub fn negotiate(data: &[u8], terms: &mut Terms) -> Vec<u8> {
    let mut answer = Vec::new();
    for pair in data.split(|byte| *byte == 0) {
        let pair = String::from_utf8_lossy(pair);
        let Some((key, value)) = pair.split_once('=') else {
            continue;
        };
        if let Some(reply) = reply(key, value, terms) {
            answer.extend_from_slice(format!("{key}={reply}\0").as_bytes());
        }
    }
    answer
}

fn reply(key: &str, value: &str, terms: &mut Terms) -> Option<String> {
    let number = value.parse::<u32>().unwrap_or(0);
    Some(match key {
        // what is only told
        "InitiatorName" | "InitiatorAlias" | "TargetName" | "SessionType" => return None,
        "MaxRecvDataSegmentLength" => {
            terms.segment = number.max(512) as usize;
            return None;
        }
        "AuthMethod" | "HeaderDigest" | "DataDigest" => "None".to_owned(),
        "InitialR2T" | "IFMarker" | "OFMarker" => "No".to_owned(),
        "ImmediateData" | "DataPDUInOrder" | "DataSequenceInOrder" => "Yes".to_owned(),
        "MaxBurstLength" => {
            terms.burst = number.clamp(512, 1 << 20);
            terms.burst.to_string()
        }
        "FirstBurstLength" => number.min(SEGMENT as u32).to_string(),
        "MaxConnections" | "MaxOutstandingR2T" => "1".to_owned(),
        "DefaultTime2Wait" => number.to_string(),
        "DefaultTime2Retain" | "ErrorRecoveryLevel" => "0".to_owned(),
        _ => "NotUnderstood".to_owned(),
    })
}

/// What the target says of itself, once.
pub fn own(answer: &mut Vec<u8>, first: bool, operational: bool) {
    if first {
        answer.extend_from_slice(b"TargetPortalGroupTag=1\0");
    }
    if operational {
        answer.extend_from_slice(format!("MaxRecvDataSegmentLength={SEGMENT}\0").as_bytes());
    }
}
