// SPDX-License-Identifier: BSD-3-Clause
// The module dscp_rewrite, or xt_DADDR and what iptables needs besides to use it.
#include <algorithm>

#include "dsrctl/doctor/checks.hpp"

namespace dsr::doctor {

namespace {

constexpr char NO_MODULE[] =
	"without it, nothing rewrites, now or after a boot: marked packets keep the server's own address, and clients get no answer";

// "6.1.0-9-amd64 SMP preempt mod_unload modversions" without its first word
std::string flavour(const std::string &vermagic)
{
	std::size_t blank = vermagic.find(' ');
	std::string rest = blank == vermagic.npos ? "" : vermagic.substr(blank + 1);

	while (rest.ends_with(' '))
		rest.pop_back();
	return rest;
}

std::string release(const std::string &vermagic)
{
	return vermagic.substr(0, vermagic.find(' '));
}

// As the kernel compares them: a module with versions of its symbols may be of
// another release.
bool fits(const ModuleFacts &module)
{
	std::string ours = flavour(module.vermagic);

	if (!module.kernel_vermagic.empty() && ours != flavour(module.kernel_vermagic))
		return false;
	return release(module.vermagic) == module.release || ours.find("modversions") != ours.npos;
}

std::vector<Command> build_commands()
{
	return {{"make", "-f", "Makefile.kbuild"}, {"make", "-f", "Makefile.kbuild", "install"}};
}

Finding missing(const ModuleFacts &module)
{
	return {Severity::error,
		"module-missing",
		"modprobe finds neither dscp_rewrite nor xt_DADDR for the kernel " + module.release,
		NO_MODULE,
		build_commands(),
		"build it again for each new kernel; or do without it: dsrctl --backend nft start",
		false};
}

Finding wrong_kernel(const ModuleFacts &module)
{
	std::string expected = module.kernel_vermagic.empty() ? module.release :
								module.kernel_vermagic;

	return {Severity::error,
		"module-vermagic",
		module.file + " is built for the kernel \"" + module.vermagic +
			"\", and this one is \"" + expected + "\"",
		std::string("the kernel refuses to load it (vermagic): ") + NO_MODULE,
		build_commands(),
		"build it again for each new kernel",
		false};
}

bool wants_signature(const ModuleFacts &module)
{
	return module.sig_enforce || (!module.lockdown.empty() && module.lockdown != "none");
}

std::string why_signature(const ModuleFacts &module)
{
	std::string why = module.sig_enforce ? "module.sig_enforce is set" :
					       "lockdown is \"" + module.lockdown + "\"";

	return module.secure_boot ? why + ", under Secure Boot" : why;
}

Finding unsigned_module(const ModuleFacts &module)
{
	return {Severity::error,
		"module-unsigned",
		module.file + " is not signed, and this kernel loads signed modules only (" +
			why_signature(module) + ")",
		NO_MODULE,
		{{"/lib/modules/" + module.release + "/build/scripts/sign-file", "sha256",
		  "KEY.priv", "KEY.der", module.file},
		 {"mokutil", "--import", "KEY.der"}},
		"sign each build with the key that was enrolled; or do without the module: dsrctl --backend nft start",
		false};
}

Finding refused(const ModuleFacts &module)
{
	std::vector<Command> commands = build_commands();
	std::string why = NO_MODULE;

	commands.insert(commands.begin(), {"make", "-f", "Makefile.kbuild", "clean"});
	commands.push_back({"modprobe", module.name});
	if (wants_signature(module))
		why = "this kernel loads only modules that are signed with a key it knows (" +
		      why_signature(module) + "): " + why;
	return {Severity::error,
		"module-refused",
		"the kernel refused to load " + module.file + " the last time: \"" +
			module.refusals.back() + "\"",
		why,
		commands,
		"build it again for each new kernel; where the signature is refused, enrol its key: mokutil --import KEY.der",
		false};
}

Finding not_loaded(const std::string &name)
{
	return {Severity::warning,
		"module-not-loaded",
		"the module " + name + " is not loaded",
		"dsrctl start loads it: so nothing was started, and marked packets keep the server's own address",
		{{"modprobe", name}},
		"systemctl enable dsrctl, which loads it; or a line " + name +
			" in /etc/modules-load.d/" + name + ".conf",
		true};
}

// Does this host do without rules?
bool does_without_iptables(const Facts &facts)
{
	return !facts.has_iptables || (facts.module.name == "dscp_rewrite" && facts.rules_known &&
				       std::ranges::none_of(facts.rewrites, [](const Rewrite &one) {
					       return backend_of(one.store) == Backend::daddr;
				       }));
}

} // namespace

Findings check_module(const Facts &facts)
{
	const ModuleFacts &module = facts.module;

	if (module.loaded || !needs_module(facts))
		return {};
	if (module.file.empty())
		return {missing(module)};
	// Without modinfo, nothing is known of the file.
	if (!module.vermagic.empty()) {
		if (!fits(module))
			return {wrong_kernel(module)};
		if (wants_signature(module) && !module.has_signature)
			return {unsigned_module(module)};
	}
	if (!module.refusals.empty())
		return {refused(module)};
	return {not_loaded(module.name)};
}

Findings check_kernel_modules(const Facts &facts)
{
	const std::vector<std::string> &missing = facts.module.missing;
	const std::string &release = facts.module.release;
	Finding finding{Severity::error,
			"kernel-modules-missing",
			"the kernel " + release + " has no " + list(missing) + ", which iptables-" +
				facts.variant[0] + " needs for rules of DADDR",
			"iptables cannot add the rules",
			{},
			"",
			false};

	if (missing.empty() || does_without_iptables(facts) || !needs_module(facts))
		return {};
	// Only single rules want it; a map does without.
	if (missing == std::vector<std::string>{"xt_dscp"}) {
		finding.severity = Severity::warning;
		finding.why = "rules with -m dscp cannot be added; one rule with --dscp-map can";
	}
	const bool debian = facts.os.find("debian") != facts.os.npos;
	if (facts.os.find("rhel") != facts.os.npos)
		finding.why +=
			": on RHEL 10, these modules are in a package that is not installed by default";
	if (debian)
		finding.fix = {{"apt-get", "install", "--reinstall", "linux-image-" + release}};
	else
		finding.fix = {{"dnf", "install", "kernel-modules-extra-" + release}};
	if (facts.variant[0] == "legacy") {
		finding.fix.push_back({"dnf", "install", "iptables-nft"});
		finding.why =
			"iptables cannot add the rules: newer kernels come without the legacy variant of iptables";
		if (debian)
			finding.fix.back() = {"update-alternatives", "--set", "iptables",
					      "/usr/sbin/iptables-nft"};
	}
	finding.keep =
		"have the package installed with each new kernel; or do without the module: dsrctl --backend nft start";
	return {finding};
}

Findings check_plugin(const Facts &facts)
{
	if (facts.module.has_plugin || does_without_iptables(facts) || !needs_module(facts))
		return {};
	return {{Severity::error,
		 "plugin-missing",
		 "libxt_DADDR.so is not where iptables looks for its plugins",
		 "iptables does not know the target DADDR: it can neither add nor show its rules",
		 {{"cmake", "-S", ".", "-B", "build"},
		  {"cmake", "--build", "build"},
		  {"cmake", "--install", "build"}},
		 "the plugin stays installed",
		 false}};
}

} // namespace dsr::doctor
