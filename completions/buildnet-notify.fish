# TAB completion of buildnet-notify for fish. Generated; the program knows the answers.
function __buildnet_notify
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l answer ($before[1] __complete fish (count $before) $before "$current" 2>/dev/null)
    switch $status
        case 0
            printf '%s\n' $answer
        case 10
            __fish_complete_path "$current"
        case 11
            __fish_complete_directories "$current" ''
    end
end
complete -c buildnet-notify -f -a '(__buildnet_notify)'
complete -c bnn -f -a '(__buildnet_notify)'
