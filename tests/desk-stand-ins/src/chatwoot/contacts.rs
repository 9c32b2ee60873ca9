//! Contacts and their addresses.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::HMAC_TOKEN;
use super::answer::Answer::{self, Done, Refused};
use super::answer::NOT_FOUND;
use super::state::{Address, Contact, State};

/// Makes a contact and its address, or finds them.
pub(super) fn contact(state: &mut State, enforced: bool, body: &Value) -> Answer {
    let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    let (identifier, hash) = (text("identifier"), text("identifier_hash"));
    let proven = hash.is_some() && hash == Some(&*proof(identifier.unwrap_or_default()));
    if (hash.is_some() || enforced) && !proven {
        // Chatwoot raises a plain error here.
        return Refused(500, "HMAC failed: Invalid Identifier Hash Provided");
    }
    let (email, phone) = (text("email"), text("phone_number"));
    let short = |text: Option<&str>| text.is_none_or(|text| text.chars().count() <= 255);
    if ![text("name"), identifier, email].into_iter().all(short) {
        return Refused(422, "is too long (maximum is 255 characters)");
    }
    if email.is_some_and(|email| !email.contains('@')) {
        return Refused(422, "Email Invalid email");
    }
    if phone.is_some_and(|phone| !is_e164(phone)) {
        return Refused(422, "Phone number should be in e164 format");
    }
    let fresh = state.fresh_id();
    let source_id = text("source_id").map_or_else(|| format!("uuid-{fresh}"), str::to_owned);
    let known = state
        .addresses
        .iter()
        .find(|known| known.source_id == source_id);
    let id = match known {
        Some(address) => address.contact,
        None => {
            // The order in which Chatwoot takes somebody for somebody it knows.
            let same = |ours: Option<&str>, theirs: &Option<String>| {
                ours.is_some() && ours == theirs.as_deref()
            };
            let of = |is: &dyn Fn(&Contact) -> bool| {
                state.contacts.iter().find(|one| is(one)).map(|one| one.id)
            };
            let known = of(&|one| same(identifier, &one.identifier))
                .or_else(|| of(&|one| same(email, &one.email)))
                .or_else(|| of(&|one| same(phone, &one.phone)));
            known.unwrap_or_else(|| {
                let id = state.fresh_id();
                state.contacts.push(Contact {
                    id,
                    name: text("name").unwrap_or("nameless-sun-1").to_owned(),
                    identifier: identifier.map(str::to_owned),
                    email: email.map(str::to_owned),
                    phone: phone.map(str::to_owned),
                });
                id
            })
        }
    };
    match state
        .addresses
        .iter_mut()
        .find(|known| known.source_id == source_id)
    {
        Some(known) => known.proven |= proven,
        None => state.addresses.push(Address {
            source_id: source_id.clone(),
            contact: id,
            proven,
        }),
    }
    let known = state.contacts.iter().find(|contact| contact.id == id);
    let Some(contact) = known else {
        return NOT_FOUND;
    };
    Done(json!({
        "source_id": source_id, "pubsub_token": "stand-in", "id": id, "name": contact.name,
        "email": contact.email, "phone_number": contact.phone,
    }))
}

fn proof(identifier: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(HMAC_TOKEN.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(identifier.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn is_e164(phone: &str) -> bool {
    let digits = phone.strip_prefix('+').unwrap_or_default();
    (2..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}
