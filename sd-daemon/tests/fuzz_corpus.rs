//! What readers of outside text promise, for the texts that are worth keeping. `script/fuzz` looks for more of them.

use std::fs;
use std::path::Path;

use sd_daemon::fuzz;

type Reader = fn(&[u8]);

#[test]
fn what_is_promised_of_outside_text_holds_for_the_corpus() {
    let readers: [(&str, Reader); 5] = [
        ("body", fuzz::body),
        ("credentials", fuzz::credentials),
        ("image", fuzz::image),
        ("reference", fuzz::reference),
        ("settings", fuzz::settings),
    ];
    for (name, read) in readers {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(name);
        let mut texts = 0;
        for entry in fs::read_dir(&folder).expect("each reader has a folder") {
            let text = fs::read(entry.expect("it can be listed").path()).expect("it can be read");
            // Cut anywhere, a text is another one.
            for end in 0..=text.len() {
                read(&text[..end]);
            }
            texts += 1;
        }
        assert!(texts > 0, "there are texts for {name}");
    }
}
