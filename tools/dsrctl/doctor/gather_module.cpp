// SPDX-License-Identifier: BSD-3-Clause
// The module on disk and in the kernel, and what the kernel asks of modules.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "common/descriptor.hpp"
#include "common/process.hpp"
#include "dsrctl/doctor/gather.hpp"

namespace dsr::doctor {

namespace {

// "kernel/net/netfilter/x_tables.ko.xz" is the module x_tables.
std::string module_name(const std::string &path)
{
	std::string name = path.substr(path.rfind('/') + 1);

	name.resize(std::min(name.find(".ko"), name.size()));
	std::replace(name.begin(), name.end(), '-', '_');
	return name;
}

using Modules = std::map<std::string, std::string>;

// Modules that a kernel has, as depmod left word of them; with their paths,
// which are empty for what is built in.
Modules installed(const Root &root, const std::string &directory)
{
	Modules modules;
	std::istringstream builtin(root.read(directory + "/modules.builtin"));
	std::istringstream loadable(root.read(directory + "/modules.dep"));
	std::string line;

	while (std::getline(builtin, line))
		modules[module_name(line)] = "";
	while (std::getline(loadable, line)) {
		std::string path = line.substr(0, line.find(':'));

		modules[module_name(path)] = path.starts_with('/') ? path : directory + "/" + path;
	}
	return modules;
}

std::vector<std::string> wanted(const std::string &variant)
{
	if (variant == "nft")
		return {"nf_tables", "nft_compat", "x_tables", "xt_dscp"};
	if (variant == "legacy")
		return {"ip_tables", "ip6_tables", "iptable_raw", "ip6table_raw", "xt_dscp"};
	return {};
}

// "none [integrity] confidentiality"
std::string chosen(const std::string &choices)
{
	std::size_t begin = choices.find('['), end = choices.find(']');

	if (begin == choices.npos || end == choices.npos || end < begin)
		return "";
	return choices.substr(begin + 1, end - begin - 1);
}

bool has_secure_boot(const Root &root)
{
	// four bytes of attributes, and the value
	std::string variable = root.read(
		"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");

	return variable.size() == 5 && variable[4] == 1;
}

std::string kernel_log(const Root &root)
{
	std::string log;
	char record[8192];
	const Descriptor file(
		open(root.path("/dev/kmsg").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	ssize_t count;

	if (!file)
		return "";
	// A record that was overwritten before it was read is an error of its
	// own, and those after it are still there.
	while ((count = read(file.get(), record, sizeof(record))) > 0 ||
	       (count < 0 && errno == EPIPE))
		if (count > 0)
			log.append(record, static_cast<std::size_t>(count));
	return log;
}

std::string modinfo(const std::vector<std::string> &files)
{
	std::string program = find_program("modinfo");

	if (program.empty())
		return "";
	// What it cannot read it complains of, and goes on.
	return run(program, files).output;
}

// The path of a module that is a file.
std::string file_of(const Root &root, const Modules &modules, const std::string &name)
{
	auto at = modules.find(name);

	if (at == modules.end() || at->second.empty() || !root.exists(at->second))
		return "";
	return at->second;
}

void gather_file(const Root &root, const Modules &modules, ModuleFacts &module)
{
	module.file = file_of(root, modules, module.name);
	if (module.file.empty())
		return;
	std::vector<std::string> files{root.path(module.file)};
	// One that came with the kernel, to compare with.
	std::string other = file_of(root, modules, "x_tables");
	if (!other.empty())
		files.push_back(root.path(other));
	parse_modinfo(modinfo(files), module);
	module.refusals = refusals(kernel_log(root));
}

} // namespace

void parse_modinfo(const std::string &text, ModuleFacts &module)
{
	std::istringstream lines(text);
	unsigned int files = 0;
	std::string line;

	while (std::getline(lines, line)) {
		std::size_t colon = line.find(':');

		if (colon == line.npos)
			continue;
		std::string key = line.substr(0, colon);
		std::size_t begin = line.find_first_not_of(' ', colon + 1);
		std::string value = begin == line.npos ? "" : line.substr(begin);

		while (value.ends_with(' '))
			value.pop_back();
		files += key == "filename";
		if (key == "vermagic")
			(files == 1 ? module.vermagic : module.kernel_vermagic) = value;
		if (key == "sig_id" && files == 1)
			module.has_signature = true;
	}
}

std::vector<std::string> refusals(const std::string &log)
{
	static const char *const OF_ANY[] = {"unsigned module", "module with unavailable key",
					     "module with unsupported crypto",
					     "module with invalid signature"};
	static const char *const OF_OURS[] = {"version magic", "disagrees about version of symbol",
					      "Unknown symbol", "rejected"};
	std::istringstream lines(log);
	std::vector<std::string> found;
	std::string line;

	while (std::getline(lines, line)) {
		// of /dev/kmsg: "priority,number,time,flags;message"
		std::string message = line.substr(line.find(';') + 1);
		bool ours = message.find("xt_DADDR") != message.npos ||
			    message.find("dscp_rewrite") != message.npos;
		auto says = [&](const char *words) { return message.find(words) != message.npos; };

		if ((ours && std::any_of(std::begin(OF_OURS), std::end(OF_OURS), says)) ||
		    (says("rejected") && std::any_of(std::begin(OF_ANY), std::end(OF_ANY), says)))
			found.push_back(message);
	}
	return found;
}

ModuleFacts gather_module(const Root &root, const std::string &release, const std::string &variant)
{
	ModuleFacts module;

	module.release = release;
	if (root.exists("/sys/module/dscp_rewrite"))
		module.name = "dscp_rewrite";
	module.loaded = module.name == "dscp_rewrite" || root.exists("/sys/module/xt_DADDR");
	module.sig_enforce = root.read("/sys/module/module/parameters/sig_enforce").starts_with('Y');
	module.lockdown = chosen(root.read("/sys/kernel/security/lockdown"));
	module.secure_boot = has_secure_boot(root);
	for (const std::string &name : wanted(variant))
		if (!root.exists("/sys/module/" + name))
			module.missing.push_back(name);
	// The files matter only to what is not there yet.
	if (module.loaded && module.missing.empty())
		return module;
	const auto modules = installed(root, "/lib/modules/" + release);
	// without the lists, nobody knows what is built in
	std::erase_if(module.missing, [&](const std::string &name) {
		return modules.empty() || modules.contains(name);
	});
	if (!file_of(root, modules, "dscp_rewrite").empty())
		module.name = "dscp_rewrite";
	if (!module.loaded)
		gather_file(root, modules, module);
	return module;
}

} // namespace dsr::doctor
