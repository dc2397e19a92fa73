# SPDX-License-Identifier: BSD-3-Clause
# Completion of dsrctl for bash: of what --help says.

# _dsrctl_names HEADING HELP: what begins the lines below it
_dsrctl_names()
{
	sed -n "/^$1/,/^\$/s/^  \([a-z][a-z-]*\) .*/\1/p" <<<"$2"
}

# _dsrctl_option OPTION HELP: what is said of it, its argument first
_dsrctl_option()
{
	[[ $1 != -*[!-A-Za-z0-9]* ]] && sed -n -E "s/^  (-.,)?$1 //p" <<<"$2"
}

_dsrctl()
{
	local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD-1]} first=${COMP_WORDS[1]}
	local classes="EF AF11 AF12 AF13 AF21 AF22 AF23 AF31 AF32 AF33 AF41 AF42
		AF43 CS1 CS2 CS3 CS4 CS5 CS6 CS7 VA LE"
	local help actions commands option action='' argument='' words='' i

	help=$("$program" --help 2>/dev/null) || return
	actions=$(_dsrctl_names Actions: "$help")
	commands=$(_dsrctl_names Commands "$help")
	if ((COMP_CWORD == 1)); then
		actions+=$'\n'$commands
	elif grep -qFxe "$first" <<<"$commands"; then
		help=$("$program" "$first" --help 2>/dev/null) || return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ $argument ]]; then
			argument=''
		elif [[ ${COMP_WORDS[i]} != -* ]]; then
			action=${COMP_WORDS[i]}
		else
			option=$(_dsrctl_option "${COMP_WORDS[i]}" "$help")
			argument=$(sed -n 's/^\([A-Z][A-Z|/]*\).*/\1/p' <<<"$option")
		fi
	done

	case $argument in
	DIR) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
	*FILE) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
	IFACE) words=$(echo any; ls /sys/class/net) ;;
	?*)	# perhaps a choice: "raw or mangle"
		words=$(sed -n -E 's/.*: (([a-z0-9_]+(, | or ))+[a-z0-9_]+)$/\1/; T; s/, | or / /gp' <<<"$option") ;;
	*)	if [[ $current == -* ]]; then
			words=$(sed -n 's/^  \(-[^ ]*\).*/\1/p' <<<"$help" | tr , '\n')
		elif [[ ! $action ]]; then
			words=$actions
		fi ;;
	esac
	case $previous in
	dscp|--dscp) [[ $current == -* ]] || words=$classes ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o filenames -F _dsrctl dsrctl
