
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
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the images that the server can run')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List containers in all states, newest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show all about a container, and what happened to it')
            [CompletionResult]::new('why', 'why', [CompletionResultType]::ParameterValue, 'Tell why a container is still up, or why it was stopped')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a container, and wait until it runs')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start containers, and wait until they run')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop containers; they can be started again')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove containers and their anonymous volumes')
            [CompletionResult]::new('extend', 'extend', [CompletionResultType]::ParameterValue, 'Stop a container later than it would be')
            [CompletionResult]::new('events', 'events', [CompletionResultType]::ParameterValue, 'Follow what happens to containers, until interrupted')
            [CompletionResult]::new('hold', 'hold', [CompletionResultType]::ParameterValue, 'Keep a container up for as long as a command runs')
            [CompletionResult]::new('check-in', 'check-in', [CompletionResultType]::ParameterValue, 'Report activity, from inside a container')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print completions for a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'sd;images' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the images only, without a header')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the images only, without a header')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;ls' {
            [CompletionResult]::new('--status', '--status', [CompletionResultType]::ParameterName, 'Only containers of this status')
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'Only containers of this image, as named at creation')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Only containers that match; keys are status, image and name')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--audit', '--audit', [CompletionResultType]::ParameterName, 'Let the daemon ask the engine about every container first')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Go on, and show every change until interrupted')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Show whole ids, and cut nothing to fit the terminal')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print ids only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print ids only')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;show' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;why' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;create' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Name of the container; the engine picks one when it is absent')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Environment variable; may be repeated')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Environment variable; may be repeated')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory limit, such as 512m')
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'Processor limit in cores, such as 0.5')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'Stop it after this long without activity, such as 6h; `never` pins it')
            [CompletionResult]::new('--max-lifetime', '--max-lifetime', [CompletionResultType]::ParameterName, 'End each run after this long, however much it is used')
            [CompletionResult]::new('--remove-after', '--remove-after', [CompletionResultType]::ParameterName, 'Remove it after it has been stopped for this long')
            [CompletionResult]::new('--wait-timeout', '--wait-timeout', [CompletionResultType]::ParameterName, 'Give up waiting after this long')
            [CompletionResult]::new('--idempotency-key', '--idempotency-key', [CompletionResultType]::ParameterName, 'Make repeating safe: the same key gives the same container')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait until the application accepts connections')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the id only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the id only')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;start' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;stop' {
            [CompletionResult]::new('--wait-timeout', '--wait-timeout', [CompletionResultType]::ParameterName, 'Give up waiting after this long')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait until they have stopped, which may take ten seconds')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;rm' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Kill what runs instead of stopping it gracefully; with --all also: do not ask')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Kill what runs instead of stopping it gracefully; with --all also: do not ask')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Remove all containers; asks first, and needs --force where it cannot ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;extend' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;events' {
            [CompletionResult]::new('--after', '--after', [CompletionResultType]::ParameterName, 'Begin after the event of this number, as far back as the daemon remembers')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sd;hold' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sd;check-in' {
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Report this many active connections')
            [CompletionResult]::new('--active-connections', '--active-connections', [CompletionResultType]::ParameterName, 'Report this many active connections')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Count the established connections to this port of the container; may be repeated')
            [CompletionResult]::new('--tcp-port', '--tcp-port', [CompletionResultType]::ParameterName, 'Count the established connections to this port of the container; may be repeated')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'Report that it is busy: it is not stopped for idleness for this long, as far as the daemon allows')
            [CompletionResult]::new('--every', '--every', [CompletionResultType]::ParameterName, 'Stay, and report again and again')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sd;completions' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User of the daemon [env: SD_USER] [default: admin]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'A server named in config.toml [env: SD_SERVER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sd;help' {
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the images that the server can run')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List containers in all states, newest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show all about a container, and what happened to it')
            [CompletionResult]::new('why', 'why', [CompletionResultType]::ParameterValue, 'Tell why a container is still up, or why it was stopped')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a container, and wait until it runs')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start containers, and wait until they run')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop containers; they can be started again')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove containers and their anonymous volumes')
            [CompletionResult]::new('extend', 'extend', [CompletionResultType]::ParameterValue, 'Stop a container later than it would be')
            [CompletionResult]::new('events', 'events', [CompletionResultType]::ParameterValue, 'Follow what happens to containers, until interrupted')
            [CompletionResult]::new('hold', 'hold', [CompletionResultType]::ParameterValue, 'Keep a container up for as long as a command runs')
            [CompletionResult]::new('check-in', 'check-in', [CompletionResultType]::ParameterValue, 'Report activity, from inside a container')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print completions for a shell')
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
