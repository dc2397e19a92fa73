# SPDX-License-Identifier: BSD-3-Clause
# Completion of dsrctl for bash.
_dsrctl()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
	local actions="start stop restart reload status check metrics dscp
		doctor fleet lb-config probe watch"
	local classes="EF AF11 AF12 AF13 AF21 AF22 AF23 AF31 AF32 AF33 AF41 AF42
		AF43 CS1 CS2 CS3 CS4 CS5 CS6 CS7 VA LE"
	local options="-d -f -a -i -k -n -s -v -x -h --help --version --backend
		--table --rules --wait --json --yes --output --openmetrics"
	local words

	case ${COMP_WORDS[1]} in
	doctor)
		actions=
		options="-d -f -v -h --help --port --sample --compare --fix --yes
			--json --metrics" ;;
	fleet)
		actions=
		options="-h --help --servers --lb --json" ;;
	lb-config)
		actions=
		options="-d -f -4 -6 -h --help --vendor --servers --real --service
			--verify --json" ;;
	probe)
		actions=
		options="-d -f -h --help --real --vip --dscp --from-config
			--servers --icmp --tcp --http --port --host
			--expect-status --expect-body --count --timeout
			--interval --json --nagios --metrics --keepalived" ;;
	watch)
		actions=
		options="-d -f -i -h --help --read --server --count --seconds
			--interval --json" ;;
	esac
	# of another command, -i has no argument
	case ${COMP_WORDS[1]}:$previous in
	watch:-i)
		words=$(echo any; ls /sys/class/net)
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
		return ;;
	esac
	case $previous in
	-d|--compare) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
	-f|--output|--servers|--verify|--read) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
	-s|--lb|--sample|--real|--service|--server|--count|--seconds|--interval|--vip|--tcp|--http|--port|--host|--expect-status|--expect-body|--timeout|--wait) return ;;
	--vendor) words="a10 brocade netscaler vpp ipvs keepalived nft" ;;
	--backend) words="dscp_rewrite daddr nft" ;;
	--table) words="raw mangle" ;;
	--rules) words="map each" ;;
	dscp|--dscp) words=$classes ;;
	*)
		case $current in
		-*) words=$options ;;
		*) words=$actions ;;
		esac ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o filenames -F _dsrctl dsrctl
