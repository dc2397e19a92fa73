#compdef dsrctl
# SPDX-License-Identifier: BSD-3-Clause
# Completion of dsrctl for zsh: of what --help says.

# What begins the lines below a heading of $help, and what it is
_dsrctl_names()
{
	reply=(${(f)"$(sed -n "/^$1/,/^\$/s/^  \([a-z][a-z-]*\) \(N \)\? */\1:/p" <<<$help)"})
}

# What is said of an option in $help, its argument first
_dsrctl_option()
{
	[[ $1 == -*[^-A-Za-z0-9]* ]] || sed -n -E "s/^  (-.,)?$1 //p" <<<$help
}

_dsrctl()
{
	local help=$(_call_program help $words[1] --help) option action argument word
	local -a reply actions commands options choice classes expl

	classes=(EF AF{1,2,3,4}{1,2,3} CS{1..7} VA LE)
	_dsrctl_names Actions:
	actions=($reply)
	_dsrctl_names Commands
	commands=($reply)
	if (( CURRENT == 2 )); then
		actions+=($commands)
	elif (( ${commands[(I)$words[2]:*]} )); then
		help=$(_call_program help $words[1] $words[2] --help)
	fi
	for word in $words[2,CURRENT-1]; do
		if [[ -n $argument ]]; then
			argument=
		elif [[ $word != -* ]]; then
			action=$word
		else
			option=$(_dsrctl_option $word)
			argument=$(sed -n 's/^\([A-Z][A-Z|/]*\).*/\1/p' <<<$option)
		fi
	done

	if [[ $words[CURRENT-1] == (dscp|--dscp) && $words[CURRENT] != -* ]]; then
		_wanted classes expl class compadd -a classes
		return
	fi
	case $argument in
	(DIR) _files -/ ;;
	(*FILE) _files ;;
	(IFACE) choice=(any /sys/class/net/*(:t)); _wanted names expl interface compadd -a choice ;;
	(?*)	# perhaps a choice: "raw or mangle"
		choice=($(sed -n -E 's/.*: (([a-z0-9_]+(, | or ))+[a-z0-9_]+)$/\1/; T; s/, | or / /gp' <<<$option))
		_wanted names expl $argument compadd -a choice ;;
	(*)	if [[ $words[CURRENT] == -* ]]; then
			# "-h,--help" is two
			options=(${(f)"$(sed -n -E 's/^  (-[^ ]*)( [^ ]+)*(  +(.*))?$/\1:\4/; T; s/^(-.),([^:]*):(.*)/\1:\3\n\2:\3/; p' <<<$help)"})
			_describe option options
		elif [[ -z $action ]]; then
			_describe action actions
		fi ;;
	esac
}

_dsrctl "$@"
