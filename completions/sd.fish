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

complete -c sd -n "__fish_sd_needs_command" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_needs_command" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_needs_command" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_needs_command" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_needs_command" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_needs_command" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_needs_command" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_needs_command" -s V -l version -d 'Print version'
complete -c sd -n "__fish_sd_needs_command" -f -a "images" -d 'List the images that the server can run'
complete -c sd -n "__fish_sd_needs_command" -f -a "ls" -d 'List containers in all states, newest first'
complete -c sd -n "__fish_sd_needs_command" -f -a "show" -d 'Show all about a container, and what happened to it'
complete -c sd -n "__fish_sd_needs_command" -f -a "why" -d 'Tell why a container is still up, or why it was stopped'
complete -c sd -n "__fish_sd_needs_command" -f -a "create" -d 'Create a container, and wait until it runs'
complete -c sd -n "__fish_sd_needs_command" -f -a "start" -d 'Start containers, and wait until they run'
complete -c sd -n "__fish_sd_needs_command" -f -a "stop" -d 'Stop containers; they can be started again'
complete -c sd -n "__fish_sd_needs_command" -f -a "rm" -d 'Remove containers and their anonymous volumes'
complete -c sd -n "__fish_sd_needs_command" -f -a "extend" -d 'Stop a container later than it would be'
complete -c sd -n "__fish_sd_needs_command" -f -a "events" -d 'Follow what happens to containers, until interrupted'
complete -c sd -n "__fish_sd_needs_command" -f -a "hold" -d 'Keep a container up for as long as a command runs'
complete -c sd -n "__fish_sd_needs_command" -f -a "check-in" -d 'Report activity, from inside a container'
complete -c sd -n "__fish_sd_needs_command" -f -a "completions" -d 'Print completions for a shell'
complete -c sd -n "__fish_sd_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sd -n "__fish_sd_using_subcommand images" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand images" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand images" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand images" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand images" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand images" -s q -l quiet -d 'Print the images only, without a header'
complete -c sd -n "__fish_sd_using_subcommand images" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand images" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand ls" -l status -d 'Only containers of this status' -r -f -a "starting\t''
running\t''
paused\t''
stopping\t''
stopped\t''"
complete -c sd -n "__fish_sd_using_subcommand ls" -l image -d 'Only containers of this image, as named at creation' -r
complete -c sd -n "__fish_sd_using_subcommand ls" -l filter -d 'Only containers that match; keys are status, image and name' -r
complete -c sd -n "__fish_sd_using_subcommand ls" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand ls" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand ls" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand ls" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand ls" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand ls" -l audit -d 'Let the daemon ask the engine about every container first'
complete -c sd -n "__fish_sd_using_subcommand ls" -l watch -d 'Go on, and show every change until interrupted'
complete -c sd -n "__fish_sd_using_subcommand ls" -l no-trunc -d 'Show whole ids, and cut nothing to fit the terminal'
complete -c sd -n "__fish_sd_using_subcommand ls" -s q -l quiet -d 'Print ids only'
complete -c sd -n "__fish_sd_using_subcommand ls" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand ls" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand show" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand show" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand show" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand show" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand show" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand show" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand show" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand why" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand why" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand why" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand why" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand why" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand why" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand why" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand create" -l name -d 'Name of the container; the engine picks one when it is absent' -r
complete -c sd -n "__fish_sd_using_subcommand create" -s e -l env -d 'Environment variable; may be repeated' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l memory -d 'Memory limit, such as 512m' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l cpus -d 'Processor limit in cores, such as 0.5' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l idle-timeout -d 'Stop it after this long without activity, such as 6h; `never` pins it' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l max-lifetime -d 'End each run after this long, however much it is used' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l remove-after -d 'Remove it after it has been stopped for this long' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l wait-timeout -d 'Give up waiting after this long' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l idempotency-key -d 'Make repeating safe: the same key gives the same container' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand create" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand create" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand create" -l wait -d 'Wait until the application accepts connections'
complete -c sd -n "__fish_sd_using_subcommand create" -s q -l quiet -d 'Print the id only'
complete -c sd -n "__fish_sd_using_subcommand create" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand create" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand start" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand start" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand start" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand start" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand start" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand start" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand start" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand stop" -l wait-timeout -d 'Give up waiting after this long' -r
complete -c sd -n "__fish_sd_using_subcommand stop" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand stop" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand stop" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand stop" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand stop" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand stop" -l wait -d 'Wait until they have stopped, which may take ten seconds'
complete -c sd -n "__fish_sd_using_subcommand stop" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand stop" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand rm" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand rm" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand rm" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand rm" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand rm" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand rm" -s f -l force -d 'Kill what runs instead of stopping it gracefully; with --all also: do not ask'
complete -c sd -n "__fish_sd_using_subcommand rm" -l all -d 'Remove all containers; asks first, and needs --force where it cannot ask'
complete -c sd -n "__fish_sd_using_subcommand rm" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand rm" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand extend" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand extend" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand extend" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand extend" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand extend" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand extend" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand extend" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand events" -l after -d 'Begin after the event of this number, as far back as the daemon remembers' -r
complete -c sd -n "__fish_sd_using_subcommand events" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand events" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand events" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand events" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand events" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand events" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sd -n "__fish_sd_using_subcommand hold" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand hold" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand hold" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand hold" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand hold" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand hold" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand hold" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sd -n "__fish_sd_using_subcommand check-in" -s a -l active-connections -d 'Report this many active connections' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -s p -l tcp-port -d 'Count the established connections to this port of the container; may be repeated' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l for -d 'Report that it is busy: it is not stopped for idleness for this long, as far as the daemon allows' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l every -d 'Stay, and report again and again' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand check-in" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand check-in" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand check-in" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand check-in" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sd -n "__fish_sd_using_subcommand completions" -l url -d 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]' -r
complete -c sd -n "__fish_sd_using_subcommand completions" -l user -d 'User of the daemon [env: SD_USER] [default: admin]' -r
complete -c sd -n "__fish_sd_using_subcommand completions" -l password-file -d 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]' -r -F
complete -c sd -n "__fish_sd_using_subcommand completions" -l server -d 'A server named in config.toml [env: SD_SERVER]' -r
complete -c sd -n "__fish_sd_using_subcommand completions" -l format -d 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]' -r -f -a "table\t'Aligned columns for people'
json\t'The answer of the API, indented; a list is one array'
jsonl\t'The answer of the API, one value per line'"
complete -c sd -n "__fish_sd_using_subcommand completions" -l json -d 'Short for --format json'
complete -c sd -n "__fish_sd_using_subcommand completions" -s h -l help -d 'Print help'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "images" -d 'List the images that the server can run'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "ls" -d 'List containers in all states, newest first'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "show" -d 'Show all about a container, and what happened to it'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "why" -d 'Tell why a container is still up, or why it was stopped'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "create" -d 'Create a container, and wait until it runs'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "start" -d 'Start containers, and wait until they run'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "stop" -d 'Stop containers; they can be started again'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "rm" -d 'Remove containers and their anonymous volumes'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "extend" -d 'Stop a container later than it would be'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "events" -d 'Follow what happens to containers, until interrupted'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "hold" -d 'Keep a container up for as long as a command runs'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "check-in" -d 'Report activity, from inside a container'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "completions" -d 'Print completions for a shell'
complete -c sd -n "__fish_sd_using_subcommand help; and not __fish_seen_subcommand_from images ls show why create start stop rm extend events hold check-in completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
