//! The contract of [`Engine`](sd_daemon::engine::Engine): one suite for every implementation.
//!
//! The Docker half needs a Docker engine and `docker-registry`; `script/bootstrap` installs both.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/docker.rs"]
mod docker;

mod harness;
mod health_checks;
mod instance;
mod registry;
mod suite;

/// Runs each case against the engine in memory and against Docker.
macro_rules! prove {
    ($($case:ident),* $(,)?) => {
        mod fake_engine {
            $(
                #[tokio::test]
                async fn $case() {
                    crate::suite::$case(&crate::harness::Fake::new()).await;
                }
            )*
        }

        mod docker_engine {
            $(
                #[tokio::test]
                async fn $case() {
                    crate::suite::$case(&crate::harness::Docker::new()).await;
                }
            )*
        }
    };
}

prove! {
    engine_reports_product_and_version,
    engine_identity_is_stable,
    container_network_has_a_gateway,
    images_are_listed_by_tag_in_order,
    image_declares_its_ports,
    missing_image_is_no_such_image,
    pulled_image_is_available,
    pull_of_a_missing_image_is_no_such_image,
    new_container_has_its_name_and_has_not_run,
    engine_picks_a_missing_name,
    second_container_of_a_name_is_refused,
    container_is_labelled_with_its_operation,
    foreign_container_has_no_operation,
    labelled_container_is_listed_for_the_operator,
    start_of_a_running_container_changes_nothing,
    stop_of_a_stopped_container_changes_nothing,
    stop_of_a_created_container_changes_nothing,
    container_that_ignores_the_signal_is_killed,
    inspection_of_a_missing_container_is_none,
    removal_of_a_missing_container_succeeds,
    missing_container_cannot_be_started_or_stopped,
    container_named_like_an_id_is_not_that_container,
    removal_of_a_running_container_kills_it,
    removal_deletes_anonymous_volumes,
    running_container_has_ports_and_an_address,
    each_run_has_its_own_identity,
    missing_program_is_rejected_at_the_start,
    external_rename_is_visible,
    external_pause_is_visible_in_the_same_run,
    pause_and_unpause_are_idempotent,
    only_running_containers_can_be_paused,
    paused_container_cannot_be_started,
    stop_kills_a_paused_container,
    paused_container_can_be_removed,
    logs_have_both_outputs_and_times,
    log_query_selects_the_latest_lines,
    followed_logs_end_when_the_container_stops,
    missing_container_has_no_logs,
    command_reads_input_and_writes_output,
    command_returns_its_exit_code,
    terminal_of_a_command_can_be_resized,
    command_needs_a_running_container,
    main_process_that_returns_has_exited,
    externally_stopped_container_ended_by_signal,
    first_event_is_a_resync,
    external_start_is_an_event,
    external_stop_is_an_event,
    external_removal_is_an_event,
}
