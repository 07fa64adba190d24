//! Who is let in.

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};

use super::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

async fn check(credentials: &Credentials, source: IpAddr, user: &str, password: &str) -> Result<(), Refusal> {
    credentials
        .check(source, user.to_owned(), password.to_owned())
        .await
}

fn each_way() -> [Credentials; 2] {
    // The cheapest there is: none of the guesses is forgotten while others are looked at.
    let cheap = Argon2::new(
        Algorithm::Argon2id,
        Version::default(),
        Params::new(8, 1, 1, None).unwrap(),
    );
    let hash: PasswordHash = cheap.hash_password(b"secret").unwrap();
    let hash = hash.to_string();
    [
        Credentials::new("admin", "secret"),
        Credentials::new("admin", Password::parse(&hash).unwrap()),
    ]
}

#[tokio::test]
async fn only_the_right_user_with_the_right_password_passes() {
    for credentials in each_way() {
        for _ in 0..2 {
            assert_eq!(check(&credentials, HERE, "admin", "secret").await, Ok(()));
        }
        for (user, password) in [
            ("admin", ""),
            ("admin", "secret2"),
            ("", "secret"),
            ("root", "secret"),
            ("", ""),
            ("admins", "ecret"),
        ] {
            let refused = check(&credentials, HERE, user, password).await;
            assert_eq!(refused, Err(Refusal::Wrong), "{user}:{password}");
        }
    }
}

#[tokio::test]
async fn after_ten_wrong_ones_an_address_is_blocked_with_the_right_one_as_well_and_others_are_not() {
    for credentials in each_way() {
        assert_eq!(check(&credentials, HERE, "admin", "secret").await, Ok(()));
        for _ in 0..WRONG_AT_ONCE {
            assert_eq!(
                check(&credentials, HERE, "admin", "wrong").await,
                Err(Refusal::Wrong)
            );
        }
        for password in ["wrong", "secret"] {
            let refused = check(&credentials, HERE, "admin", password).await;
            assert!(matches!(refused, Err(Refusal::Blocked(_))), "{refused:?}");
        }
        let mut is_let_in = false;
        // One address in thousands is counted together with the one that guesses.
        for last in 2..=4 {
            let elsewhere = IpAddr::from([127, 0, 0, last]);
            is_let_in |= check(&credentials, elsewhere, "admin", "secret").await == Ok(());
        }
        assert!(is_let_in);
    }
}

#[tokio::test]
async fn what_is_right_is_remembered_and_what_is_wrong_is_not() {
    let [_, credentials] = each_way();
    let StoredCredential::Hash { lately, .. } = &credentials.0.proof else {
        panic!("it is a hash")
    };
    let digest = |password| digest(&credentials.0.key, "admin", password);
    assert_eq!(
        check(&credentials, HERE, "admin", "wrong").await,
        Err(Refusal::Wrong)
    );
    assert!(!was_right(lately, &digest("wrong")));
    assert_eq!(check(&credentials, HERE, "admin", "secret").await, Ok(()));
    assert!(was_right(lately, &digest("secret")));
    assert!(!was_right(lately, &digest("wrong")));
    let long_ago = Instant::now().checked_sub(MEMORY).unwrap();
    *lately.lock().unwrap() = Some((digest("secret"), long_ago));
    assert!(!was_right(lately, &digest("secret")));
}

#[test]
fn a_password_may_contain_a_colon() {
    let mut headers = HeaderMap::new();
    headers.insert(
        AUTHORIZATION,
        format!("basic {}", BASE64_STANDARD.encode("a:b:c"))
            .parse()
            .unwrap(),
    );
    assert_eq!(presented(&headers), Some(("a".to_owned(), "b:c".to_owned())));
}
