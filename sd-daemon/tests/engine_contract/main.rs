//! The contract of [`Engine`](sd_daemon::engine::Engine), proven for every implementation by one suite.
//!
//! The Docker half needs a Docker engine; `script/bootstrap` makes sure that there is one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/docker.rs"]
mod docker;

mod harness;
mod instance;
mod noise;
mod suite;

/// Runs each case of the suite against the engine in memory and against Docker.
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
    images_are_listed_by_their_tags_in_order,
    an_image_tells_its_ports,
    an_image_that_is_not_there_is_no_such_image,
    a_new_container_has_its_name_and_has_not_run,
    a_container_without_a_name_is_given_one,
    a_name_that_is_taken_is_in_use,
    a_container_carries_the_operation_it_came_from,
    a_container_made_by_somebody_else_carries_no_operation,
    starting_a_running_container_changes_nothing,
    stopping_a_container_at_rest_changes_nothing,
    stopping_a_container_that_never_ran_changes_nothing,
    a_container_that_does_not_end_when_asked_is_killed,
    a_missing_container_is_nothing_and_not_an_error,
    removing_a_missing_container_succeeds,
    what_is_called_by_the_id_of_another_is_not_taken_for_it,
    removing_a_live_container_ends_it,
    removing_a_container_takes_its_anonymous_volumes_along,
    a_running_container_shows_its_ports_and_addresses,
    each_run_has_an_identity_of_its_own,
    a_frozen_container_is_live_and_paused,
    a_frozen_container_cannot_be_started,
    a_frozen_container_can_be_stopped,
    a_main_process_that_returns_ended_by_itself,
    a_main_process_that_somebody_stops_ended_by_signal,
    a_command_that_cannot_be_executed_is_rejected_and_has_not_run,
    a_name_given_by_somebody_else_is_seen,
    it_is_the_same_engine_each_time_it_is_asked,
    the_network_of_the_containers_has_a_gateway,
    the_first_event_says_to_look_at_everything,
    a_start_by_somebody_else_is_an_event,
    a_stop_by_somebody_else_is_an_event,
    a_removal_by_somebody_else_is_an_event,
}
