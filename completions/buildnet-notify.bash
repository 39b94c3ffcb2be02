# TAB completion of buildnet-notify for bash 4 and later. Generated; the program knows the answers.
_buildnet_notify() {
    local answer
    answer=$("${1/#\~/$HOME}" __complete bash "$COMP_CWORD" "${COMP_WORDS[@]}" 2>/dev/null)
    case $? in
        0) IFS=$'\n' read -r -d '' -a COMPREPLY <<<"$answer" ;;
        10) compopt -o default ;;
        11) compopt -o dirnames ;;
    esac
}
complete -F _buildnet_notify buildnet-notify bnn
