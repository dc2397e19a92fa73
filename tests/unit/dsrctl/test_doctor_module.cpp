// SPDX-License-Identifier: BSD-3-Clause
// dsrctl doctor: why the module is not there, or cannot be.
#include "doctor_world.hpp"
#include "dsrctl/doctor/gather.hpp"

using namespace dsr_test;

namespace {

// Stopped, with a module that would load.
Facts stopped()
{
	Facts facts = healthy();

	facts.rewrites.clear();
	facts.module.loaded = false;
	facts.module.file = "/lib/modules/6.1.0/updates/xt_DADDR.ko";
	facts.module.vermagic = "6.1.0 SMP preempt mod_unload";
	facts.module.kernel_vermagic = facts.module.vermagic;
	return facts;
}

std::string module_finding(const Facts &facts)
{
	return ids(check_module(facts));
}

} // namespace

TEST_CASE("doctor: a module that is loaded, or not needed, is none of its business")
{
	Facts facts = stopped();

	CHECK(check_module(healthy()).empty());
	facts.module.file = "";
	facts.config = parse("10.0.0.7\n"); // l2dsr
	CHECK(check_module(facts).empty());

	// rules of nftables do without
	facts.config = parse("10.0.0.7=7\n");
	CHECK(module_finding(facts) == "error: module-missing");
	Rewrite rewrite;
	rewrite.store = Store::nft;
	rewrite.table = rewrite.chain = "raw";
	rewrite.items = {{7, ip("10.0.0.7")}};
	facts.rewrites = {rewrite};
	CHECK(check_module(facts).empty());
}

TEST_CASE("doctor: a module that is not loaded is loaded by --fix")
{
	Finding finding = only(check_module(stopped()));

	CHECK(finding.id == "module-not-loaded");
	CHECK(finding.severity == Severity::warning);
	CHECK(command_lines(finding) == std::vector<std::string>{"modprobe xt_DADDR"});
	CHECK(finding.safe);
	CHECK(has(finding.keep, "systemctl enable dsrctl"));
}

TEST_CASE("doctor: a host that has dscp_rewrite wants it, and nothing of iptables")
{
	Facts facts = stopped();

	facts.module.name = "dscp_rewrite";
	facts.module.has_plugin = false;
	facts.module.missing = {"nft_compat"};
	CHECK(command_lines(only(check_module(facts))) ==
	      std::vector<std::string>{"modprobe dscp_rewrite"});
	CHECK(check_plugin(facts).empty());
	CHECK(check_kernel_modules(facts).empty());
	// but for what it has already
	add_rules(facts, "raw PREROUTING -j DADDR --dscp-map 7=10.0.0.7");
	CHECK(only(check_plugin(facts)).id == "plugin-missing");
	CHECK(only(check_kernel_modules(facts)).id == "kernel-modules-missing");
	facts.rewrites.clear();
	facts.rules_known = false;
	CHECK(only(check_plugin(facts)).id == "plugin-missing");
}

TEST_CASE("doctor: no module for this kernel")
{
	Facts facts = stopped();

	facts.module.file = "";
	Finding finding = only(check_module(facts));
	CHECK(finding.id == "module-missing");
	CHECK(has(finding.found, "for the kernel 6.1.0"));
	CHECK_FALSE(finding.safe);
}

TEST_CASE("doctor: a module of another kernel, compared as the kernel does")
{
	Facts facts = stopped();

	facts.module.vermagic = "6.1.0 SMP mod_unload";
	Finding finding = only(check_module(facts));
	CHECK(finding.id == "module-vermagic");
	CHECK(has(
		finding.found,
		"built for the kernel \"6.1.0 SMP mod_unload\", and this one is \"6.1.0 SMP preempt mod_unload\""));

	facts.module.vermagic = "6.0.9 SMP preempt mod_unload";
	CHECK(module_finding(facts) == "error: module-vermagic");

	// the versions of symbols decide, not the release: RHEL's kABI
	facts.module.vermagic = "6.0.9 SMP preempt mod_unload modversions ";
	facts.module.kernel_vermagic = "6.1.0 SMP preempt mod_unload modversions";
	CHECK(module_finding(facts) == "warning: module-not-loaded");

	// x_tables is built in: there is the release only
	facts.module.kernel_vermagic = "";
	CHECK(module_finding(facts) == "warning: module-not-loaded");
	facts.module.vermagic = "6.0.9 SMP preempt mod_unload";
	finding = only(check_module(facts));
	CHECK(has(finding.found, "this one is \"6.1.0\""));
}

TEST_CASE("doctor: a module that modinfo cannot read is not judged by its file")
{
	Facts facts = stopped();

	facts.module.vermagic = "";
	facts.module.sig_enforce = true;
	CHECK(module_finding(facts) == "warning: module-not-loaded");
	facts.module.refusals = {"Loading of unsigned module is rejected"};
	CHECK(module_finding(facts) == "error: module-refused");
}

TEST_CASE("doctor: a kernel that loads signed modules only")
{
	Facts facts = stopped();

	facts.module.secure_boot = true; // alone, it forbids nothing
	CHECK(module_finding(facts) == "warning: module-not-loaded");

	facts.module.lockdown = "none";
	CHECK(module_finding(facts) == "warning: module-not-loaded");
	facts.module.lockdown = "integrity";
	Finding finding = only(check_module(facts));
	CHECK(finding.id == "module-unsigned");
	CHECK(has(finding.found, "lockdown is \"integrity\", under Secure Boot"));
	REQUIRE(command_lines(finding).size() == 2);
	CHECK(has(command_lines(finding)[0], "/lib/modules/6.1.0/build/scripts/sign-file"));
	CHECK(has(command_lines(finding)[1], "mokutil --import"));

	facts.module.lockdown = "";
	facts.module.sig_enforce = true;
	CHECK(has(only(check_module(facts)).found, "module.sig_enforce is set"));

	facts.module.has_signature = true;
	CHECK(module_finding(facts) == "warning: module-not-loaded");
	facts.module.refusals = {"Loading of module with unavailable key is rejected"};
	finding = only(check_module(facts));
	CHECK(finding.id == "module-refused");
	CHECK(has(finding.found, "\"Loading of module with unavailable key is rejected\""));
	CHECK(has(finding.why, "signed with a key it knows"));
	CHECK(has(finding.keep, "mokutil --import"));
}

TEST_CASE("doctor: what iptables needs of the kernel")
{
	Facts facts = stopped();

	CHECK(check_kernel_modules(facts).empty());
	facts.module.missing = {"nft_compat", "xt_dscp"};
	Finding finding = only(check_kernel_modules(facts));
	CHECK(finding.id == "kernel-modules-missing");
	CHECK(finding.severity == Severity::error);
	CHECK(has(finding.found,
		  "the kernel 6.1.0 has no nft_compat and xt_dscp, which iptables-nft needs"));
	CHECK(command_lines(finding) ==
	      std::vector<std::string>{"dnf install kernel-modules-extra-6.1.0"});

	// a map does without
	facts.module.missing = {"xt_dscp"};
	CHECK(only(check_kernel_modules(facts)).severity == Severity::warning);

	// RHEL 10: no legacy variant any more
	facts.module.missing = {"ip_tables", "iptable_raw"};
	facts.variant[0] = "legacy";
	finding = only(check_kernel_modules(facts));
	CHECK(command_lines(finding).back() == "dnf install iptables-nft");
	facts.os = "debian ";
	finding = only(check_kernel_modules(facts));
	CHECK(has(command_lines(finding).front(), "apt-get install --reinstall linux-image-6.1.0"));
	CHECK(has(command_lines(finding).back(), "update-alternatives"));

	facts.has_iptables = false;
	CHECK(check_kernel_modules(facts).empty());
}

TEST_CASE("doctor: iptables without the plugin")
{
	Facts facts = stopped();

	CHECK(check_plugin(facts).empty());
	facts.module.has_plugin = false;
	CHECK(only(check_plugin(facts)).id == "plugin-missing");
	facts.has_iptables = false;
	CHECK(check_plugin(facts).empty());
}

TEST_CASE("doctor: what modinfo says of two files")
{
	ModuleFacts module;

	parse_modinfo("filename:       /lib/modules/6.1.0/updates/xt_DADDR.ko\n"
		      "license:        GPL\n"
		      "vermagic:       6.1.0 SMP preempt mod_unload modversions \n"
		      "filename:       /lib/modules/6.1.0/kernel/x_tables.ko\n"
		      "vermagic:       6.1.0 SMP mod_unload\n"
		      "sig_id:         PKCS#7\n",
		      module);
	CHECK(module.vermagic == "6.1.0 SMP preempt mod_unload modversions");
	CHECK(module.kernel_vermagic == "6.1.0 SMP mod_unload");
	CHECK_FALSE(module.has_signature); // the other one's

	parse_modinfo("filename:       xt_DADDR.ko\n"
		      "sig_id:         PKCS#7\n"
		      "signer:         somebody\n",
		      module);
	CHECK(module.has_signature);
}

TEST_CASE("doctor: what the kernel says when it refuses a module")
{
	CHECK(refusals(
		      "6,1,2,-;eth0: link becomes ready\n"
		      "4,2,3,-;xt_DADDR: loading out-of-tree module taints kernel.\n"
		      "4,2,3,-;xt_DADDR: module verification failed: signature and/or required key missing - tainting kernel\n")
		      .empty());
	for (const char *line : {"xt_DADDR: version magic '1' should be '2'",
				 "xt_DADDR: disagrees about version of symbol module_layout",
				 "xt_DADDR: Unknown symbol xt_unregister_targets (err -2)",
				 "Loading of unsigned module is rejected",
				 "Loading of module with unavailable key is rejected"}) {
		INFO(line);
		CHECK(refusals(std::string("3,1,2,-;") + line + "\n") ==
		      std::vector<std::string>{line});
	}
}

TEST_CASE("doctor: the files of hosts of every kind")
{
	const std::string efi =
		"sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	const std::string modules = "lib/modules/6.12.0/";
	Directory host;
	Root root(host / "");
	auto gathered = [&](const char *variant) { return gather_module(root, "6.12.0", variant); };

	// RHEL 10 without kernel-modules-extra: no legacy, no nft_compat
	host.save(modules + "modules.builtin", "kernel/net/netfilter/nf_tables.ko\n");
	host.save(modules + "modules.dep",
		  "kernel/net/netfilter/x_tables.ko.xz:\n"
		  "kernel/net/ipv4/ip_set-hash.ko.xz: kernel/net/netfilter/x_tables.ko.xz\n");
	ModuleFacts module = gathered("nft");
	CHECK(module.missing == std::vector<std::string>{"nft_compat", "xt_dscp"});
	CHECK(module.file == "");
	CHECK_FALSE(module.loaded);
	CHECK_FALSE(module.secure_boot);
	CHECK_FALSE(module.sig_enforce);
	CHECK(module.lockdown == "");
	CHECK(gathered("legacy").missing == std::vector<std::string>{"ip_tables", "ip6_tables",
								     "iptable_raw", "ip6table_raw",
								     "xt_dscp"});
	CHECK(gathered("").missing.empty());

	// with it, and with what is loaded though depmod does not know it
	host.save(modules + "modules.dep",
		  "kernel/net/netfilter/x_tables.ko.xz:\n"
		  "kernel/net/netfilter/nft_compat.ko.xz:\n"
		  "extra/xt_DADDR.ko.xz: kernel/net/netfilter/x_tables.ko.xz\n");
	host.save("sys/module/xt_dscp/refcnt", "1\n");
	module = gathered("nft");
	CHECK(module.missing.empty());
	CHECK(module.file == ""); // removed, without depmod's knowledge
	host.save(modules + "extra/xt_DADDR.ko.xz", "");
	module = gathered("nft");
	CHECK(module.file == "/lib/modules/6.12.0/extra/xt_DADDR.ko.xz");

	CHECK(module.name == "xt_DADDR");
	host.save(modules + "modules.dep", "extra/xt_DADDR.ko.xz:\nextra/dscp_rewrite.ko.xz:\n");
	host.save(modules + "extra/dscp_rewrite.ko.xz", "");
	module = gathered("");
	CHECK(module.name == "dscp_rewrite");
	CHECK(module.file == "/lib/modules/6.12.0/extra/dscp_rewrite.ko.xz");

	// Secure Boot
	host.save(efi, std::string("\x06\0\0\0\0", 5));
	host.save("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	host.save("sys/module/module/parameters/sig_enforce", "N\n");
	module = gathered("nft");
	CHECK_FALSE(module.secure_boot);
	CHECK_FALSE(module.sig_enforce);
	CHECK(module.lockdown == "none");
	host.save(efi, std::string("\x06\0\0\0\1", 5));
	host.save("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	host.save("sys/module/module/parameters/sig_enforce", "Y\n");
	host.save("sys/module/xt_DADDR/refcnt", "1\n");
	module = gathered("nft");
	CHECK(module.secure_boot);
	CHECK(module.sig_enforce);
	CHECK(module.lockdown == "integrity");
	CHECK(module.loaded);
	CHECK(module.name == "dscp_rewrite");
}
