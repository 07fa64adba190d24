# Commands for contributors; CONTRIBUTING.md describes them. `script/test` runs all checks, as CI does.

export INSTA_UPDATE := env("INSTA_UPDATE", "no")
export DOCKER_CONTEXT := "default"

[private]
default:
    @just --list --unsorted

# Unit tests of all crates, the tests of `sd` and the checks of generated files: no Docker, no root.
test-unit *arguments:
    cargo nextest run --workspace --lib --bins --test command_line --test sd --test generated --test layering {{ arguments }}

# The REST API over a real listener and registry, with the in-memory engine: no Docker, no root.
test-api *arguments:
    cargo nextest run --package sd-daemon --test api {{ arguments }}

# The tests on a real Docker engine; needs root and what `script/bootstrap` installs.
test-docker *arguments:
    cargo nextest run --package sd-daemon --test docker --test engine_contract --test prober --test program {{ arguments }}

# Rewrite completions, manual pages, the OpenAPI document and the snapshots of the API suite. Review the difference.
regenerate:
    UPDATE_GENERATED=1 cargo nextest run --workspace --test generated
    INSTA_UPDATE=always INSTA_FORCE_PASS=1 cargo nextest run --package sd-daemon --test api

# Format, wording and links, clippy, dependencies.
lint:
    script/test lint

# Compile everything, tests included.
check:
    cargo check --workspace --all-targets --all-features
