// SPDX-License-Identifier: BSD-3-Clause
// Matches and targets as iptables-nft gives them to the kernel.
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_dccp.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "common/process.hpp"
#include "dsrctl/xt_words.hpp"
#include "world.hpp"
#include "xt_DADDR.h"

using namespace dsr_test;

namespace {

template <typename Info>
XtInfo xt(const std::string &name, std::uint32_t revision, const Info &info)
{
	const auto *bytes = reinterpret_cast<const std::uint8_t *>(&info);

	return {name, revision, {bytes, bytes + sizeof(info)}};
}

std::string match(const XtInfo &info)
{
	return shell_line(match_words(info, Family::ip4));
}

std::string target(const XtInfo &info, Family family = Family::ip4)
{
	return shell_line(target_words(info, family));
}

std::uint16_t be16(std::uint16_t number)
{
	return static_cast<std::uint16_t>(number << 8U | number >> 8U);
}

} // namespace

TEST_CASE("dsrctl: the target of the compat layer in the words of iptables-save")
{
	xt_daddr_info old{};
	xt_daddr_info_v1 info{};

	std::memcpy(&old.daddr, ip("10.0.0.7").bytes.data(), 4);
	CHECK(target(xt("DADDR", 0, old)) == "-j DADDR --set-daddr 10.0.0.7");
	std::memcpy(&old.daddr, ip("2001:db8::7").bytes.data(), 16);
	CHECK(target(xt("DADDR", 0, old), Family::ip6) == "-j DADDR --set-daddr 2001:db8::7");

	std::memcpy(&info.daddr[0], ip("10.0.0.7").bytes.data(), 4);
	CHECK(target(xt("DADDR", 1, info)) == "-j DADDR --set-daddr 10.0.0.7");
	info.dport = be16(8080);
	CHECK(target(xt("DADDR", 1, info)) == "-j DADDR --set-daddr 10.0.0.7 --set-dport 8080");
	info = {};
	for (unsigned int dscp = 1; dscp < 64; dscp++) {
		info.mapped |= std::uint64_t{1} << dscp;
		std::memcpy(&info.daddr[dscp], ip("10.0.0.7").bytes.data(), 4);
	}
	const std::string all = target(xt("DADDR", 1, info));
	CHECK(all.starts_with("-j DADDR --dscp-map 1=10.0.0.7,2=10.0.0.7,"));
	CHECK(all.ends_with(",63=10.0.0.7"));

	// of a revision to come, or cut off
	CHECK(target(xt("DADDR", 2, info)) == "");
	CHECK(target(xt("DADDR", 1, old)) == "");
	CHECK(target({"DADDR", 0, {1, 2, 3}}) == "");
}

TEST_CASE("dsrctl: the matches of the compat layer in the words of iptables-save")
{
	xt_dscp_info dscp{7, 0};
	xt_tos_match_info tos{0xfc, 0x1c, 1};
	xt_multiport_v1 ports{};
	xt_udp udp{};
	xt_conntrack_mtinfo3 state{};

	CHECK(match(xt("dscp", 0, dscp)) == "-m dscp --dscp 0x07");
	dscp.invert = 1;
	CHECK(match(xt("dscp", 0, dscp)) == "-m dscp ! --dscp 0x07");
	CHECK(match(xt("tos", 1, tos)) == "-m tos ! --tos 0x1c/0xfc");

	ports.flags = XT_MULTIPORT_DESTINATION;
	ports.count = 3;
	ports.ports[0] = 80;
	ports.ports[1] = 90;
	ports.pflags[1] = 1;
	ports.ports[2] = 95;
	CHECK(match(xt("multiport", 1, ports)) == "-m multiport --dports 80,90:95");
	ports.count = 16;
	CHECK(match(xt("multiport", 1, ports)) == "");

	udp.spts[1] = 0xffff;
	udp.dpts[0] = udp.dpts[1] = 53;
	CHECK(match(xt("udp", 0, udp)) == "-m udp --dport 53");
	udp.invflags = XT_UDP_INV_DSTPT;
	CHECK(match(xt("udp", 0, udp)) == "-m udp ! --dport 53");

	xt_dccp_info dccp{};
	dccp.flags = XT_DCCP_DEST_PORTS;
	dccp.dpts[0] = dccp.dpts[1] = 5001;
	CHECK(match(xt("dccp", 0, dccp)) == "-m dccp --dport 5001");
	dccp.invflags = XT_DCCP_DEST_PORTS;
	CHECK(match(xt("dccp", 0, dccp)) == "-m dccp ! --dport 5001");
	dccp.flags |= XT_DCCP_OPTION;
	CHECK(match(xt("dccp", 0, dccp)) == "");

	state.match_flags = XT_CONNTRACK_STATE;
	state.state_mask = XT_CONNTRACK_STATE_INVALID | XT_CONNTRACK_STATE_BIT(IP_CT_NEW);
	CHECK(match(xt("conntrack", 3, state)) == "-m conntrack --ctstate INVALID,NEW");

	CHECK(match({"comment", 0, {'a', ' ', 'b'}}) == "-m comment --comment \"a b\"");
	CHECK(match({"string", 1, {1, 2}}) == "");
	CHECK(match({"dscp", 0, {}}) == "");
}
