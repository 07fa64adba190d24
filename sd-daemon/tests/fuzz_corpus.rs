//! Runs the fuzz targets over their corpus, truncated at every length. `script/fuzz` searches for more inputs.

use std::fs;
use std::path::Path;

use sd_daemon::fuzz;

type Target = fn(&[u8]);

#[test]
fn fuzz_targets_accept_the_truncated_corpus() {
    let targets: [(&str, Target); 5] = [
        ("body", fuzz::body),
        ("credentials", fuzz::credentials),
        ("image", fuzz::image),
        ("reference", fuzz::reference),
        ("settings", fuzz::settings),
    ];
    for (name, run) in targets {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(name);
        let mut inputs = 0;
        for entry in fs::read_dir(&folder).expect("each target has a folder") {
            let entry = entry.expect("the entry is readable");
            let input = fs::read(entry.path()).expect("the input is readable");
            for end in 0..=input.len() {
                run(&input[..end]);
            }
            inputs += 1;
        }
        assert!(inputs > 0, "the corpus of {name} is empty");
    }
}
