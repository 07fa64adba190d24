# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sd_global_optspecs
    string join \n url= user= password-file= server= format= json h/help V/version
end

function __fish_sd_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sd_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sd_using_subcommand
    set -l cmd (__fish_sd_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sd -n "__fish_sd_needs_command" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_needs_command" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_needs_command" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_needs_command" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_needs_command" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_needs_command" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_needs_command" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_needs_command" -s V -l version -d 'Print version'
complete -c sd -n "__fish_sd_needs_command" -f -a "images" -d 'List the images that the daemon can run'
complete -c sd -n "__fish_sd_needs_command" -f -a "ls" -d 'List containers in every state, newest first'
complete -c sd -n "__fish_sd_needs_command" -f -a "show" -d 'Show the state, ports, limits and latest events of a container'
complete -c sd -n "__fish_sd_needs_command" -f -a "why" -d 'Explain why a container runs, or why it was stopped'
complete -c sd -n "__fish_sd_needs_command" -f -a "create" -d 'Create a container and wait until it runs'
complete -c sd -n "__fish_sd_needs_command" -f -a "start" -d 'Start stopped containers and wait until they run'
complete -c sd -n "__fish_sd_needs_command" -f -a "stop" -d 'Stop containers; `sd start` starts them again'
complete -c sd -n "__fish_sd_needs_command" -f -a "rm" -d 'Remove containers and their anonymous volumes'
complete -c sd -n "__fish_sd_needs_command" -f -a "extend" -d 'Postpone a container\'s stop'
complete -c sd -n "__fish_sd_needs_command" -f -a "events" -d 'Follow container events until interrupted'
complete -c sd -n "__fish_sd_needs_command" -f -a "hold" -d 'Keep a container running while a command runs'
complete -c sd -n "__fish_sd_needs_command" -f -a "check-in" -d 'Report activity from inside a container'
complete -c sd -n "__fish_sd_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c sd -n "__fish_sd_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sd -n "__fish_sd_using_subcommand images" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand images" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand images" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand images" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand images" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand images" -s q -l quiet -d 'Print image names only, without the header'
complete -c sd -n "__fish_sd_using_subcommand images" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand images" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand ls" -l status -d 'List only containers with this status' -r -f -a "starting\t''
running\t''
paused\t''
stopping\t''
stopped\t''"
complete -c sd -n "__fish_sd_using_subcommand ls" -l image -d 'List only containers of this image, as named at creation' -r
complete -c sd -n "__fish_sd_using_subcommand ls" -l filter -d 'List only matching containers; keys: status, image, name' -r
complete -c sd -n "__fish_sd_using_subcommand ls" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand ls" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand ls" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand ls" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand ls" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand ls" -l audit -d 'Refresh the state of every container from the engine first'
complete -c sd -n "__fish_sd_using_subcommand ls" -l watch -d 'Keep listing, and print every change until interrupted'
complete -c sd -n "__fish_sd_using_subcommand ls" -l no-trunc -d 'Print complete ids, and shorten nothing to fit the terminal'
complete -c sd -n "__fish_sd_using_subcommand ls" -s q -l quiet -d 'Print ids only'
complete -c sd -n "__fish_sd_using_subcommand ls" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand ls" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand show" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand show" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand show" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand show" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand show" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand show" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand show" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand why" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand why" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand why" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand why" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand why" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand why" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand why" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand create" -l name -d 'Name the container; the engine picks a name if omitted' -r
complete -c sd -n "__fish_sd_using_subcommand create" -s e -l env -d 'Set an environment variable; may be repeated' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l memory -d 'Limit the memory, for example 512m' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l cpus -d 'Limit the processor time, in cores, for example 0.5' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l idle-timeout -d 'Stop it after this long without activity, for example 6h, or never' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l max-lifetime -d 'Stop each run after this long, even if the container is in use' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l remove-after -d 'Remove it after it has been stopped for this long' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l wait-timeout -d 'Stop waiting after this long' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l idempotency-key -d 'Create at most one container with this key, so that a retry is safe' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand create" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand create" -l wait -d 'Wait until the application, or else SSH, accepts connections'
complete -c sd -n "__fish_sd_using_subcommand create" -s q -l quiet -d 'Print the id only'
complete -c sd -n "__fish_sd_using_subcommand create" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand create" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand start" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand start" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand start" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand start" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand start" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand start" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand start" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand stop" -l wait-timeout -d 'Stop waiting after this long' -r
complete -c sd -n "__fish_sd_using_subcommand stop" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand stop" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand stop" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand stop" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand stop" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand stop" -l wait -d 'Wait until they have stopped, usually within ten seconds'
complete -c sd -n "__fish_sd_using_subcommand stop" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand stop" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand rm" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand rm" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand rm" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand rm" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand rm" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand rm" -s f -l force -d 'Kill running containers instead of stopping them; with --all, skip the question'
complete -c sd -n "__fish_sd_using_subcommand rm" -l all -d 'Remove all containers; asks first, and requires --force without a terminal'
complete -c sd -n "__fish_sd_using_subcommand rm" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand rm" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand extend" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand extend" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand extend" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand extend" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand extend" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand extend" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand extend" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand events" -l after -d 'Start after the event with this id; the daemon stores a limited number' -r
complete -c sd -n "__fish_sd_using_subcommand events" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand events" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand events" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand events" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand events" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand events" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sd -n "__fish_sd_using_subcommand hold" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand hold" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand hold" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand hold" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand hold" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand hold" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand hold" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sd -n "__fish_sd_using_subcommand check-in" -s a -l active-connections -d 'Report this number of active connections' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -s p -l tcp-port -d 'Count established connections to this port of the container; may be repeated' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l for -d 'Report that the container is busy for this long; the daemon may allow less' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l every -d 'Repeat the report at this interval until interrupted' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand check-in" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand check-in" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand check-in" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sd -n "__fish_sd_using_subcommand completions" -l url -d 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand completions" -l user -d 'Log in as this user [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand completions" -l password-file -d 'Read the password from this file [env: SD_PASSWORD_FILE]' -r -F
complete -c sd -n "__fish_sd_using_subcommand completions" -l server -d 'Use a server from config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand completions" -l format -d 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns'
json\t'The response of the API, indented; a list is one array'
jsonl\t'The response of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand completions" -l json -d 'Print data as JSON, short for --format json'
complete -c sd -n "__fish_sd_using_subcommand completions" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "images" -d 'List the images that the daemon can run'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "ls" -d 'List containers in every state, newest first'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "show" -d 'Show the state, ports, limits and latest events of a container'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "why" -d 'Explain why a container runs, or why it was stopped'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "create" -d 'Create a container and wait until it runs'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "start" -d 'Start stopped containers and wait until they run'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "stop" -d 'Stop containers; `sd start` starts them again'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "rm" -d 'Remove containers and their anonymous volumes'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "extend" -d 'Postpone a container\'s stop'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "events" -d 'Follow container events until interrupted'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "hold" -d 'Keep a container running while a command runs'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "check-in" -d 'Report activity from inside a container'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
