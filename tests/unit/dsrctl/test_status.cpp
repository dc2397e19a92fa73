// SPDX-License-Identifier: BSD-3-Clause
// What scripts parse.
#include <nlohmann/json.hpp>

#include "dsrctl/change.hpp"
#include "dsrctl/dscp_rewrite.hpp"
#include "dsrctl/iptables_rules.hpp"
#include "dsrctl/status.hpp"
#include "json_fields.hpp"
#include "world.hpp"

using namespace dsr_test;

namespace {

const char CONFIG[] = "10.0.0.7=7\n"
		      "2A00:1288:0080:800::5001=022\n"
		      "10.0.0.9\n"
		      "10-0-0-8.example=AF11\n"
		      "10.0.0.10=0xb\n";

// 7 is up, AF11 has no rule, 0xb no address; 20 is a pair, and there are an
// address and a rule alone.
Actual host()
{
	Actual actual;

	actual.rules = parse_save(
		"*mangle\n"
		"-A PREROUTING -m dscp --dscp 0x14 -j DADDR --set-daddr 10.0.0.20\n"
		"-A PREROUTING -m dscp --dscp 0x15 -j DADDR --set-daddr 10.0.0.21\n"
		"COMMIT\n"
		"*raw\n"
		"-A PREROUTING -j DADDR --dscp-map 7=10.0.0.7,11=10.0.0.10\n"
		"COMMIT\n",
		Store::iptables, Family::ip4);
	actual.addresses = {on_lo("127.0.0.1"),		on_lo("10.0.0.7", "lo:1"),
			    on_lo("10.0.0.8", "lo:12"), on_lo("10.0.0.20", "lo:3"),
			    on_lo("10.0.0.30", "lo:4"), on_lo("::1"),
			    on_lo("2001:db8::30"),	on_lo("fe80::1")};
	return actual;
}

std::vector<Row> all_rows(const Config &config, const Actual &actual)
{
	std::vector<Row> rows = configured_rows(config, actual);

	for (Row &row : discovered_rows(config, actual, {}))
		rows.push_back(row);
	return rows;
}

} // namespace

TEST_CASE("dsrctl: status, column by column")
{
	Config config = parse(CONFIG);

	CHECK(status_text(configured_rows(config, host()), false, true) ==
	      "type  state   name                      ipaddr                    dscp loopback iptables\n"
	      "===== ======= ========================  ========================  ==== ======== ========\n"
	      "l3dsr started 10.0.0.7                  10.0.0.7                  7    lo:1     up\n"
	      "l3dsr stopped 2A00:1288:0080:800::5001  2A00:1288:0080:800::5001  022  --       --\n"
	      "l2dsr stopped 10.0.0.9                  10.0.0.9                  --   --       --\n"
	      "l3dsr partial 10-0-0-8.example          10.0.0.8                  AF11 lo:12    --\n"
	      "l3dsr partial 10.0.0.10                 10.0.0.10                 0xb  --       up\n");
}

TEST_CASE("dsrctl: status of everything: pairs, addresses, rules")
{
	Config config = parse("10.0.0.7=7\n10.0.0.9\n");

	CHECK(status_text(all_rows(config, host()), true, true) ==
	      "type  state   name          ipaddr        dscp loopback iptables iptbl  src\n"
	      "===== ======= ============  ============  ==== ======== ======== ====== ====\n"
	      "l3dsr started 10.0.0.7      10.0.0.7      7    lo:1     up       raw    conf\n"
	      "l2dsr stopped 10.0.0.9      10.0.0.9      --   --       --       --     conf\n"
	      "l3dsr started 10.0.0.20     10.0.0.20     20   lo:3     up       mangle disc\n"
	      "loopb started 10.0.0.8      10.0.0.8      --   lo:12    --       --     disc\n"
	      "loopb started 10.0.0.30     10.0.0.30     --   lo:4     --       --     disc\n"
	      "loopb started 2001:db8::30  2001:db8::30  --   lo       --       --     disc\n"
	      "iptbl started 10.0.0.21     10.0.0.21     0x15 --       up       mangle disc\n"
	      "iptbl started 10.0.0.10     10.0.0.10     0x0b --       up       raw    disc\n");
}

TEST_CASE("dsrctl: columns are as wide as their names")
{
	Row row;

	row.type = RowType::l2dsr;
	row.name = row.ipaddr = "::5";
	row.dscp = row.loopback = row.table = "--";
	CHECK(status_text({row}, true, true) ==
	      "type  state   name  ipaddr  dscp loopback iptables iptbl src\n"
	      "===== ======= ====  ======  ==== ======== ======== ===== ====\n"
	      "l2dsr stopped ::5   ::5     --   --       --       --    conf\n");
	CHECK(status_text({row}, false, false) == "l2dsr stopped ::5   ::5     --   --       --\n");
}

TEST_CASE("dsrctl: an l2dsr entry is started by its address alone")
{
	Actual actual;

	actual.addresses = {on_lo("10.0.0.9", "lo:2")};
	std::vector<Row> rows = configured_rows(parse("10.0.0.9\n"), actual);
	CHECK(rows[0].standing == Standing::started);
	CHECK_FALSE(rows[0].rule);
}

TEST_CASE("dsrctl: a VIP has its address where it is configured to be")
{
	Actual actual;
	Config config = parse("10.0.0.9 dev eth1\n");

	actual.addresses = {on_lo("10.0.0.9", "lo:2")};
	CHECK(configured_rows(config, actual)[0].loopback == "--");
	actual.addresses[0].dev = actual.addresses[0].label = "eth1";
	CHECK(configured_rows(config, actual)[0].loopback == "eth1");

	// one that was started once, and is not configured any more
	Owned owned{"s", "10.0.0.9", ip("10.0.0.9"), std::nullopt, "eth1"};
	CHECK(discovered_rows({}, actual, {}).empty());
	CHECK(discovered_rows({}, actual, {owned}).size() == 1);
}

TEST_CASE("dsrctl: a VIP of dscp_rewrite is started, unless that is switched off")
{
	Config config = parse("10.0.0.7=7\n");
	Actual actual;

	actual.addresses = {on_lo("10.0.0.7", "lo:1")};
	actual.rules = rewrite::parse_counters("ipv4 7 * 10.0.0.7 0 0\n"
					       "ipv4 8 * 10.0.0.8 0 0\n");
	CHECK(status_text(all_rows(config, actual), true, false) ==
	      "l3dsr started 10.0.0.7  10.0.0.7  7    lo:1     up       dscp_rewrite conf\n"
	      "iptbl started 10.0.0.8  10.0.0.8  0x08 --       up       dscp_rewrite disc\n");
	CHECK(oddities(config, actual, true, nullptr).empty());

	for (Rule &rule : actual.rules)
		rule.active = false;
	CHECK(status_text(configured_rows(config, actual), true, false) ==
	      "l3dsr partial 10.0.0.7  10.0.0.7  7    lo:1     --       --    conf\n");
	CHECK(oddities(config, actual, false, nullptr) ==
	      std::vector<std::string>{
		      "net.ipv4.dscp_rewrite.enabled is 0: marked packets keep the server's own address until sysctl -w net.ipv4.dscp_rewrite.enabled=1"});
}

TEST_CASE("dsrctl: a VIP of nftables is not started in a table that is dormant")
{
	Config config = parse("10.0.0.7=7\n");
	Actual actual;
	Rule rule;

	rule.store = Store::nft;
	rule.items = {{7, ip("10.0.0.7"), {}, {}}};
	rule.active = false;
	actual.addresses = {on_lo("10.0.0.7", "lo:1")};
	actual.rules = {rule};
	CHECK(status_text(configured_rows(config, actual), true, false) ==
	      "l3dsr partial 10.0.0.7  10.0.0.7  7    lo:1     --       --    conf\n");
	CHECK(oddities(config, actual, false, nullptr) ==
	      std::vector<std::string>{
		      "the table inet dsrctl of nftables is dormant: its rules rewrite nothing until nft add table inet dsrctl"});

	// nor in one of iptables-nft
	actual.rules[0].store = Store::iptables;
	CHECK(status_text(configured_rows(config, actual), true, false) ==
	      "l3dsr partial 10.0.0.7  10.0.0.7  7    lo:1     --       --    conf\n");
	CHECK(oddities(config, actual, false, nullptr) ==
	      std::vector<std::string>{
		      "the table ip raw of nftables is dormant: its rules rewrite nothing until nft add table ip raw"});

	// and what is not configured is not, either
	CHECK(status_text(discovered_rows({}, actual, {}), true, false) ==
	      "l3dsr partial 10.0.0.7  10.0.0.7  7    lo:1     --       raw   disc\n");
	actual.addresses.clear();
	CHECK(status_text(discovered_rows({}, actual, {}), true, false) ==
	      "iptbl stopped 10.0.0.7  10.0.0.7  0x07 --       --       raw   disc\n");
}

// iptables is the nft variant, ip6tables the legacy one.
static std::string variant(Store store, Family family)
{
	return (store == Store::iptables) == (family == Family::ip4) ? "nft" : "legacy";
}

TEST_CASE("dsrctl: copies of a rule are one row, and are reported")
{
	Actual actual = host();
	Config config = parse("10.0.0.7=7\n");

	CHECK(oddities(config, actual, true, variant).empty());
	for (const Rule &rule : host().rules)
		actual.rules.push_back(rule);
	CHECK(discovered_rows(config, actual, {}).size() ==
	      discovered_rows(config, host(), {}).size());
	CHECK(oddities(config, actual, false, variant) ==
	      std::vector<std::string>{
		      "2 rules lead DSCP 7 (TOS 28, 0x1c, 000111b) to 10.0.0.7: stop removes all of them"});
	CHECK(oddities(config, actual, true, variant).size() == 4);
}

TEST_CASE("dsrctl: a mix of variants is reported")
{
	Actual actual = host();

	actual.rules[0].store = Store::other;
	CHECK(oddities({}, actual, false, variant) ==
	      std::vector<std::string>{
		      "1 DADDR rule is in iptables-legacy, and this system's iptables is iptables-nft"});

	actual.rules[0].family = Family::ip6;
	CHECK(oddities({}, actual, false, variant) ==
	      std::vector<std::string>{
		      "1 DADDR rule is in ip6tables-nft, and this system's ip6tables is ip6tables-legacy"});
}

TEST_CASE("dsrctl: check says it in one line")
{
	Config config = parse(CONFIG);
	auto of = [&](const Config &config, const Actual &actual, bool ip6) {
		return check(configured_rows(config, actual), ip6);
	};

	CHECK(of({}, host(), true).line == "No configured DSRs found.");
	CHECK(of({}, host(), true).status == 3);
	CHECK(of(config, host(), true).line == "Some DSRs not started.");
	CHECK(of(config, host(), true).status == 3);
	CHECK(of(config, host(), true).configured == 5);
	CHECK(of(config, host(), true).started == 1);
	CHECK(of(config, {}, true).line == "No DSRs started.");
	CHECK(of(config, {}, true).status == 1);
	Config one = parse("10.0.0.7=7\n2001:db8::1=1\n");
	CHECK(of(one, host(), true).status == 3);
	CHECK(of(one, host(), false).line == "All DSRs started.");
	CHECK(of(one, host(), false).status == 0);
}

TEST_CASE("dsrctl: status as JSON")
{
	using nlohmann::json;
	Config config = parse("10.0.0.7=0x7\n10.0.0.9\n");
	json all = json::parse(status_json(all_rows(config, host())));

	CHECK(all["entries"][0] == json({{"type", "l3dsr"},
					 {"state", "started"},
					 {"name", "10.0.0.7"},
					 {"ipaddr", "10.0.0.7"},
					 {"dscp", 7},
					 {"loopback", "lo:1"},
					 {"iptables", true},
					 {"table", "raw"},
					 {"src", "conf"},
					 {"to", nullptr},
					 {"ports", nullptr}}));
	CHECK(all["entries"][1]["dscp"] == nullptr);
	CHECK(all["entries"][1]["loopback"] == nullptr);
	CHECK(all["entries"][2]["src"] == "disc");
}

TEST_CASE("dsrctl: JSON has the fields that the man page lists")
{
	const Config config = parse("10.0.0.7=7\n10.0.0.9\n"
				    "10.0.0.10=8 to 10.128.9.31\n"
				    "10.0.0.11:80=9 tcp 8080\n");
	unit::JsonFields status("dsrctl/dsrctl-json.8", "status");
	unit::JsonFields check("dsrctl/dsrctl-json.8", "check");
	unit::JsonFields changes("dsrctl/dsrctl-json.8", "start, stop, reload, restart");

	status.see(status_json(all_rows(config, host())));
	status.see(status_json({}));
	check.see(check_json({}));
	changes.see(changes_json({}, 0));
	for (const unit::JsonFields *fields : {&status, &check, &changes})
		unit::check(*fields);
}
