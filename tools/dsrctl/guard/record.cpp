// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/guard/record.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "dsrctl/lock.hpp"
#include "dsrctl/network.hpp"

namespace dsr {

namespace {

using nlohmann::json;

bool is_locked(const std::string &path)
{
	const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));

	return file && flock(file.get(), LOCK_SH | LOCK_NB);
}

} // namespace

std::string record_text(const GuardRecord &record, const std::string &network)
{
	json repairs = json::object();

	for (Gone gone : GONE)
		repairs[name(gone)] = record.of(gone);
	return json{{"network", network}, {"waiting", record.waiting}, {"repairs", repairs}}.dump() +
	       "\n";
}

GuardRecord parse_record(const std::string &text, const std::string &network)
{
	GuardRecord record;

	try {
		const json all = json::parse(text);
		const json &repairs = all.at("repairs");

		if (all.at("network") != network)
			return {};
		record.waiting = all.at("waiting");
		for (Gone gone : GONE)
			record.of(gone) = repairs.value(name(gone), std::uint64_t{0});
		record.there = true;
	} catch (const json::exception &) {
		return {};
	}
	return record;
}

GuardFile::GuardFile(const std::string &directory)
	: path_(directory + "/" + network_number() + ".guard")
{
}

Descriptor GuardFile::hold(unsigned int seconds) const
{
	return take_lock(path_ + ".lock", seconds);
}

GuardRecord GuardFile::read() const
{
	GuardRecord record = parse_record(read_file_if_any(path_ + ".json"), network_identity());

	record.running = record.there && is_locked(path_ + ".lock");
	// of a guard that is gone, nothing is under way
	record.waiting = record.waiting && record.running;
	return record;
}

void GuardFile::write(const GuardRecord &record) const
{
	write_file(path_ + ".json", record_text(record, network_identity()), 0600);
}

} // namespace dsr
