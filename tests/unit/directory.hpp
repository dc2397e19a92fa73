// SPDX-License-Identifier: BSD-3-Clause
// A directory for the files of a test, which goes away with all that is in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace unit {

class Directory {
public:
	Directory()
	{
		std::string name = std::filesystem::temp_directory_path() / "daddr-XXXXXX";

		if (!mkdtemp(name.data()))
			throw std::runtime_error("no temporary directory");
		path_ = name;
	}
	~Directory() { std::filesystem::remove_all(path_); }
	Directory(const Directory &) = delete;
	Directory &operator=(const Directory &) = delete;

	std::string operator/(const std::string &name) const { return (path_ / name).string(); }
	void save(const std::string &name, const std::string &text) const
	{
		std::filesystem::create_directories((path_ / name).parent_path());
		std::ofstream(path_ / name, std::ios::binary) << text;
	}

private:
	std::filesystem::path path_;
};

inline std::string load_text(const std::string &path)
{
	std::ifstream file(path, std::ios::binary);

	return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace unit
