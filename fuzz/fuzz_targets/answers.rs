//! Decodes arbitrary bytes as a response body: decoding neither panics nor loses
//! what it has read.

#![no_main]

use altegio::Envelope;
use altegio::b2b_v1::types;
use altegio::wire::{Mode, decode, encode, unknown_fields};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, body) = input;
    match kind % 6 {
        0 => check::<Envelope<Vec<types::Appointment>, types::PageAndTotalCountMeta>>(body),
        1 => check::<types::GetMembershipListResponse>(body),
        2 => check::<Envelope<types::SearchClientVisitsData, types::ClientVisitsMeta>>(body),
        3 => check::<types::Location>(body),
        4 => check::<types::ErrorBody>(body),
        _ => check::<types::CreateClientBody>(body),
    }
});

fn check<T: serde::de::DeserializeOwned + serde::Serialize>(body: &[u8]) {
    let salvaged = decode::<T>(body, Mode::Salvage);
    if let Ok(strict) = decode::<T>(body, Mode::Strict) {
        let salvaged = salvaged
            .as_ref()
            .expect("what is read strictly is read leniently");
        assert!(strict.mismatches.is_empty() && salvaged.mismatches.is_empty());
    }
    let Ok(first) = salvaged else { return };
    let unknown = unknown_fields::<T>(body);
    assert_eq!(first.has_unknown_fields, !unknown.is_empty());
    let written = encode(&first.value).expect("what was read can be written");
    let Ok(again) = decode::<T>(&written, Mode::Strict) else {
        // A required field that was set aside is encoded as a default that may be invalid.
        assert!(!first.mismatches.is_empty(), "what was written is not read");
        return;
    };
    let rewritten = encode(&again.value).expect("what was read can be written");
    assert_eq!(written, rewritten, "reading what was written changes it");
}
