
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'sd' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'sd'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'sd' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the images that the daemon can run')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List containers in every state, newest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the state, ports, limits and latest events of a container')
            [CompletionResult]::new('why', 'why', [CompletionResultType]::ParameterValue, 'Explain why a container runs, or why it was stopped')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a container and wait until it runs')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start stopped containers and wait until they run')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop containers; `sd start` starts them again')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove containers and their anonymous volumes')
            [CompletionResult]::new('extend', 'extend', [CompletionResultType]::ParameterValue, 'Postpone a container''s stop')
            [CompletionResult]::new('events', 'events', [CompletionResultType]::ParameterValue, 'Follow container events until interrupted')
            [CompletionResult]::new('hold', 'hold', [CompletionResultType]::ParameterValue, 'Keep a container running while a command runs')
            [CompletionResult]::new('check-in', 'check-in', [CompletionResultType]::ParameterValue, 'Report activity from inside a container')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'sd;images' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print image names only, without the header')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print image names only, without the header')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;ls' {
            [CompletionResult]::new('--status', '--status', [CompletionResultType]::ParameterName, 'List only containers with this status')
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'List only containers of this image, as named at creation')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'List only matching containers; keys: status, image, name')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--audit', '--audit', [CompletionResultType]::ParameterName, 'Refresh the state of every container from the engine first')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Keep listing, and print every change until interrupted')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Print complete ids, and shorten nothing to fit the terminal')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print ids only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print ids only')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;show' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;why' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;create' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Name the container; the engine picks a name if omitted')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Set an environment variable; may be repeated')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Set an environment variable; may be repeated')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Limit the memory, for example 512m')
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'Limit the processor time, in cores, for example 0.5')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'Stop it after this long without activity, for example 6h, or never')
            [CompletionResult]::new('--max-lifetime', '--max-lifetime', [CompletionResultType]::ParameterName, 'Stop each run after this long, even if the container is in use')
            [CompletionResult]::new('--remove-after', '--remove-after', [CompletionResultType]::ParameterName, 'Remove it after it has been stopped for this long')
            [CompletionResult]::new('--wait-timeout', '--wait-timeout', [CompletionResultType]::ParameterName, 'Stop waiting after this long')
            [CompletionResult]::new('--idempotency-key', '--idempotency-key', [CompletionResultType]::ParameterName, 'Create at most one container with this key, so that a retry is safe')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait until the application, or else SSH, accepts connections')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the id only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the id only')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;start' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;stop' {
            [CompletionResult]::new('--wait-timeout', '--wait-timeout', [CompletionResultType]::ParameterName, 'Stop waiting after this long')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait until they have stopped, usually within ten seconds')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;rm' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Kill running containers instead of stopping them; with --all, skip the question')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Kill running containers instead of stopping them; with --all, skip the question')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Remove all containers; asks first, and requires --force without a terminal')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;extend' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;events' {
            [CompletionResult]::new('--after', '--after', [CompletionResultType]::ParameterName, 'Start after the event with this id; the daemon stores a limited number')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sd;hold' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sd;check-in' {
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Report this number of active connections')
            [CompletionResult]::new('--active-connections', '--active-connections', [CompletionResultType]::ParameterName, 'Report this number of active connections')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Count established connections to this port of the container; may be repeated')
            [CompletionResult]::new('--tcp-port', '--tcp-port', [CompletionResultType]::ParameterName, 'Count established connections to this port of the container; may be repeated')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'Report that the container is busy for this long; the daemon may allow less')
            [CompletionResult]::new('--every', '--every', [CompletionResultType]::ParameterName, 'Repeat the report at this interval until interrupted')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sd;completions' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Log in as this user [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from this file [env: SD_PASSWORD_FILE]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Use a server from config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print data as table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print data as JSON, short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;help' {
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the images that the daemon can run')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List containers in every state, newest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the state, ports, limits and latest events of a container')
            [CompletionResult]::new('why', 'why', [CompletionResultType]::ParameterValue, 'Explain why a container runs, or why it was stopped')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a container and wait until it runs')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start stopped containers and wait until they run')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop containers; `sd start` starts them again')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove containers and their anonymous volumes')
            [CompletionResult]::new('extend', 'extend', [CompletionResultType]::ParameterValue, 'Postpone a container''s stop')
            [CompletionResult]::new('events', 'events', [CompletionResultType]::ParameterValue, 'Follow container events until interrupted')
            [CompletionResult]::new('hold', 'hold', [CompletionResultType]::ParameterValue, 'Keep a container running while a command runs')
            [CompletionResult]::new('check-in', 'check-in', [CompletionResultType]::ParameterValue, 'Report activity from inside a container')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'sd;help;images' {
            break
        }
        'sd;help;ls' {
            break
        }
        'sd;help;show' {
            break
        }
        'sd;help;why' {
            break
        }
        'sd;help;create' {
            break
        }
        'sd;help;start' {
            break
        }
        'sd;help;stop' {
            break
        }
        'sd;help;rm' {
            break
        }
        'sd;help;extend' {
            break
        }
        'sd;help;events' {
            break
        }
        'sd;help;hold' {
            break
        }
        'sd;help;check-in' {
            break
        }
        'sd;help;completions' {
            break
        }
        'sd;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
