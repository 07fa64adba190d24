use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};

use super::*;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

async fn verify(
    credentials: &Credentials,
    address: IpAddr,
    user: &str,
    password: &str,
) -> Result<(), Refusal> {
    let verified = credentials.verify(address, user.to_owned(), password.into());
    verified.await.map(drop)
}

/// The same credentials, configured as a password and as a hash.
fn plain_and_hashed() -> [Credentials; 2] {
    // The cheapest parameters: the failures of a test must not expire while hashes are computed.
    let cheap = Argon2::new(
        Algorithm::Argon2id,
        Version::default(),
        Params::new(8, 1, 1, None).unwrap(),
    );
    let hash: PasswordHash = cheap.hash_password(b"secret").unwrap();
    let hash = hash.to_string();
    [
        Credentials::new("admin", "secret"),
        Credentials::new("admin", Password::parse(hash.into()).unwrap()),
    ]
}

#[tokio::test]
async fn accepts_only_the_user_with_the_password() {
    for credentials in plain_and_hashed() {
        for _ in 0..2 {
            assert_eq!(verify(&credentials, ADDRESS, "admin", "secret").await, Ok(()));
        }
        for (user, password) in [
            ("admin", ""),
            ("admin", "secret2"),
            ("", "secret"),
            ("root", "secret"),
            ("", ""),
            ("admins", "ecret"),
        ] {
            let refused = verify(&credentials, ADDRESS, user, password).await;
            assert_eq!(refused, Err(Refusal::WrongCredentials), "{user}:{password}");
        }
    }
}

#[tokio::test]
async fn ten_failures_block_an_address_and_no_other() {
    for credentials in plain_and_hashed() {
        assert_eq!(verify(&credentials, ADDRESS, "admin", "secret").await, Ok(()));
        for _ in 0..MAX_FAILURES {
            let refused = verify(&credentials, ADDRESS, "admin", "wrong").await;
            assert_eq!(refused, Err(Refusal::WrongCredentials));
        }
        for password in ["wrong", "secret"] {
            let refused = verify(&credentials, ADDRESS, "admin", password).await;
            assert!(matches!(refused, Err(Refusal::TooManyFailures(_))), "{refused:?}");
        }
        let mut is_accepted = false;
        // One address in thousands shares its limit with the blocked one.
        for last in 2..=4 {
            let other = IpAddr::from([127, 0, 0, last]);
            is_accepted |= verify(&credentials, other, "admin", "secret").await == Ok(());
        }
        assert!(is_accepted);
    }
}

#[tokio::test]
async fn successful_login_is_remembered_and_a_failed_one_is_not() {
    let [_, credentials] = plain_and_hashed();
    let StoredCredential::Hash {
        recently_verified, ..
    } = &credentials.0.stored
    else {
        panic!("the credentials are a hash")
    };
    let digest = |password: &str| credentials.0.digest("admin", &password.into());
    let refused = verify(&credentials, ADDRESS, "admin", "wrong").await;
    assert_eq!(refused, Err(Refusal::WrongCredentials));
    assert!(!is_recent(recently_verified, &digest("wrong")));
    assert_eq!(verify(&credentials, ADDRESS, "admin", "secret").await, Ok(()));
    assert!(is_recent(recently_verified, &digest("secret")));
    assert!(!is_recent(recently_verified, &digest("wrong")));
    let expired = Instant::now().checked_sub(REMEMBERED_FOR).unwrap();
    *recently_verified.lock() = Some((digest("secret"), expired));
    assert!(!is_recent(recently_verified, &digest("secret")));
}
