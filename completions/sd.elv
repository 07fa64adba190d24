
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
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand images 'List the images that the server can run'
            cand ls 'List containers in all states, newest first'
            cand show 'Show all about a container, and what happened to it'
            cand why 'Tell why a container is still up, or why it was stopped'
            cand create 'Create a container, and wait until it runs'
            cand start 'Start containers, and wait until they run'
            cand stop 'Stop containers; they can be started again'
            cand rm 'Remove containers and their anonymous volumes'
            cand extend 'Stop a container later than it would be'
            cand events 'Follow what happens to containers, until interrupted'
            cand hold 'Keep a container up for as long as a command runs'
            cand check-in 'Report activity, from inside a container'
            cand completions 'Print completions for a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'sd;images'= {
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand -q 'Print the images only, without a header'
            cand --quiet 'Print the images only, without a header'
            cand --json 'Short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;ls'= {
            cand --status 'Only containers of this status'
            cand --image 'Only containers of this image, as named at creation'
            cand --filter 'Only containers that match; keys are status, image and name'
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --audit 'Let the daemon ask the engine about every container first'
            cand --watch 'Go on, and show every change until interrupted'
            cand --no-trunc 'Show whole ids, and cut nothing to fit the terminal'
            cand -q 'Print ids only'
            cand --quiet 'Print ids only'
            cand --json 'Short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;show'= {
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;why'= {
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;create'= {
            cand --name 'Name of the container; the engine picks one when it is absent'
            cand -e 'Environment variable; may be repeated'
            cand --env 'Environment variable; may be repeated'
            cand --memory 'Memory limit, such as 512m'
            cand --cpus 'Processor limit in cores, such as 0.5'
            cand --idle-timeout 'Stop it after this long without activity, such as 6h; `never` pins it'
            cand --max-lifetime 'End each run after this long, however much it is used'
            cand --remove-after 'Remove it after it has been stopped for this long'
            cand --wait-timeout 'Give up waiting after this long'
            cand --idempotency-key 'Make repeating safe: the same key gives the same container'
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --wait 'Wait until the application accepts connections'
            cand -q 'Print the id only'
            cand --quiet 'Print the id only'
            cand --json 'Short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;start'= {
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;stop'= {
            cand --wait-timeout 'Give up waiting after this long'
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --wait 'Wait until they have stopped, which may take ten seconds'
            cand --json 'Short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;rm'= {
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand -f 'Kill what runs instead of stopping it gracefully; with --all also: do not ask'
            cand --force 'Kill what runs instead of stopping it gracefully; with --all also: do not ask'
            cand --all 'Remove all containers; asks first, and needs --force where it cannot ask'
            cand --json 'Short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;extend'= {
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;events'= {
            cand --after 'Begin after the event of this number, as far back as the daemon remembers'
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Short for --format json'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'sd;hold'= {
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Short for --format json'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'sd;check-in'= {
            cand -a 'Report this many active connections'
            cand --active-connections 'Report this many active connections'
            cand -p 'Count the established connections to this port of the container; may be repeated'
            cand --tcp-port 'Count the established connections to this port of the container; may be repeated'
            cand --for 'Report that it is busy: it is not stopped for idleness for this long, as far as the daemon allows'
            cand --every 'Stay, and report again and again'
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Short for --format json'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'sd;completions'= {
            cand --url 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]'
            cand --user 'User of the daemon [env: SD_USER] [default: admin]'
            cand --password-file 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]'
            cand --server 'A server named in config.toml [env: SD_SERVER]'
            cand --format 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]'
            cand --json 'Short for --format json'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'sd;help'= {
            cand images 'List the images that the server can run'
            cand ls 'List containers in all states, newest first'
            cand show 'Show all about a container, and what happened to it'
            cand why 'Tell why a container is still up, or why it was stopped'
            cand create 'Create a container, and wait until it runs'
            cand start 'Start containers, and wait until they run'
            cand stop 'Stop containers; they can be started again'
            cand rm 'Remove containers and their anonymous volumes'
            cand extend 'Stop a container later than it would be'
            cand events 'Follow what happens to containers, until interrupted'
            cand hold 'Keep a container up for as long as a command runs'
            cand check-in 'Report activity, from inside a container'
            cand completions 'Print completions for a shell'
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
