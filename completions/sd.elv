
use builtin;
use str;

set edit:completion:arg-completer[sd] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'sd'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'sd'= {
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand images 'List the images that the daemon can run'
            cand ls 'List containers in every state, newest first'
            cand show 'Show the state, ports, limits and latest events of a container'
            cand why 'Explain why a container runs, or why it was stopped'
            cand create 'Create a container and wait until it runs'
            cand start 'Start stopped containers and wait until they run'
            cand stop 'Stop containers; `sd start` starts them again'
            cand rm 'Remove containers and their anonymous volumes'
            cand extend 'Postpone a container''s stop'
            cand events 'Follow container events until interrupted'
            cand hold 'Keep a container running while a command runs'
            cand check-in 'Report activity from inside a container'
            cand completions 'Print a completion script for a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'sd;images'= {
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand -q 'Print image names only, without the header'
            cand --quiet 'Print image names only, without the header'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;ls'= {
            cand --status 'List only containers with this status'
            cand --image 'List only containers of this image, as named at creation'
            cand --filter 'List only matching containers; keys: status, image, name'
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --audit 'Refresh the state of every container from the engine first'
            cand --watch 'Keep listing, and print every change until interrupted'
            cand --no-trunc 'Print complete ids, and shorten nothing to fit the terminal'
            cand -q 'Print ids only'
            cand --quiet 'Print ids only'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;show'= {
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;why'= {
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;create'= {
            cand --name 'Name the container; the engine picks a name if omitted'
            cand -e 'Set an environment variable; may be repeated'
            cand --env 'Set an environment variable; may be repeated'
            cand --memory 'Limit the memory, for example 512m'
            cand --cpus 'Limit the processor time, in cores, for example 0.5'
            cand --idle-timeout 'Stop it after this long without activity, for example 6h, or never'
            cand --max-lifetime 'Stop each run after this long, even if the container is in use'
            cand --remove-after 'Remove it after it has been stopped for this long'
            cand --wait-timeout 'Stop waiting after this long'
            cand --idempotency-key 'Create at most one container with this key, so that a retry is safe'
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --wait 'Wait until the application, or else SSH, accepts connections'
            cand -q 'Print the id only'
            cand --quiet 'Print the id only'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;start'= {
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;stop'= {
            cand --wait-timeout 'Stop waiting after this long'
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --wait 'Wait until they have stopped, usually within ten seconds'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;rm'= {
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand -f 'Kill running containers instead of stopping them; with --all, skip the question'
            cand --force 'Kill running containers instead of stopping them; with --all, skip the question'
            cand --all 'Remove all containers; asks first, and requires --force without a terminal'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;extend'= {
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;events'= {
            cand --after 'Start after the event with this id; the daemon stores a limited number'
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'sd;hold'= {
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'sd;check-in'= {
            cand -a 'Report this number of active connections'
            cand --active-connections 'Report this number of active connections'
            cand -p 'Count established connections to this port of the container; may be repeated'
            cand --tcp-port 'Count established connections to this port of the container; may be repeated'
            cand --for 'Report that the container is busy for this long; the daemon may allow less'
            cand --every 'Repeat the report at this interval until interrupted'
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'sd;completions'= {
            cand --url 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'Log in as this user [env: SD_USER] [default: admin]'
            cand --password-file 'Read the password from this file [env: SD_PASSWORD_FILE]'
            cand --server 'Use a server from config.toml [env: SD_SERVER]'
            cand --format 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Print data as JSON, short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;help'= {
            cand images 'List the images that the daemon can run'
            cand ls 'List containers in every state, newest first'
            cand show 'Show the state, ports, limits and latest events of a container'
            cand why 'Explain why a container runs, or why it was stopped'
            cand create 'Create a container and wait until it runs'
            cand start 'Start stopped containers and wait until they run'
            cand stop 'Stop containers; `sd start` starts them again'
            cand rm 'Remove containers and their anonymous volumes'
            cand extend 'Postpone a container''s stop'
            cand events 'Follow container events until interrupted'
            cand hold 'Keep a container running while a command runs'
            cand check-in 'Report activity from inside a container'
            cand completions 'Print a completion script for a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'sd;help;images'= {
        }
        &'sd;help;ls'= {
        }
        &'sd;help;show'= {
        }
        &'sd;help;why'= {
        }
        &'sd;help;create'= {
        }
        &'sd;help;start'= {
        }
        &'sd;help;stop'= {
        }
        &'sd;help;rm'= {
        }
        &'sd;help;extend'= {
        }
        &'sd;help;events'= {
        }
        &'sd;help;hold'= {
        }
        &'sd;help;check-in'= {
        }
        &'sd;help;completions'= {
        }
        &'sd;help;help'= {
        }
    ]
    $completions[$command]
}
