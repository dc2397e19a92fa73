# SPDX-License-Identifier: BSD-3-Clause
# Completion of dsrctl for fish: of what --help says.

# What begins the lines below a heading of --help, and what is said of it
function __dsrctl_names --argument-names heading
    sed -n -E "/^$heading/,/^\$/s/^  ([a-z][a-z-]*)( N)? +/\1\t/p"
end

# What is said of an option, its argument first
function __dsrctl_option --argument-names option
    string match -q -r -- '^-[-A-Za-z0-9]+$' $option
    and sed -n -E "s/^  (-.,)?$option //p"
end

function __dsrctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l help ($words[1] --help 2>/dev/null)
    set -l actions (string join \n $help | __dsrctl_names Actions:)
    set -l commands (string join \n $help | __dsrctl_names Commands)
    set -l option
    set -l action
    set -l argument

    if test (count $words) -eq 1
        set -a actions $commands
    else if string match -q -- $words[2]\t'*' $commands
        set help ($words[1] $words[2] --help 2>/dev/null)
    end
    for word in $words[2..]
        if test -n "$argument"
            set argument
        else if not string match -q -- '-*' $word
            set action $word
        else
            set option (string join \n $help | __dsrctl_option $word)
            set argument (string match -r -- '^[A-Z][A-Z|/]*' $option)
        end
    end

    if contains -- $words[-1] dscp --dscp; and not string match -q -- '-*' $current
        printf '%s\n' EF AF{1,2,3,4}{1,2,3} CS{1,2,3,4,5,6,7} VA LE
        return
    end
    switch "$argument"
        case DIR
            __fish_complete_directories $current ''
        case '*FILE'
            __fish_complete_path $current
        case IFACE
            echo any
            ls /sys/class/net
        case '?*' # perhaps a choice: "raw or mangle"
            string match -r -g -- '.*: ((?:[a-z0-9_]+(?:, | or ))+[a-z0-9_]+)$' $option |
                string replace -a ' or ' ', ' | string split ', '
        case '*'
            if string match -q -- '-*' $current
                # "-h,--help" is two
                string join \n $help |
                    sed -n -E 's/^  (-[^ ]*)( [^ ]+)*(  +(.*))?$/\1\t\4/; T; s/^(-.),([^\t]*)\t(.*)/\1\t\3\n\2\t\3/; p'
            else if test -z "$action"
                printf '%s\n' $actions
            end
    end
end

complete -c dsrctl -f -a '(__dsrctl_complete)'
