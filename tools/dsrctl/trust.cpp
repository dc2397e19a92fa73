// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/trust.hpp"

#include <unistd.h>

#include <cstdio>

namespace dsr {

namespace {

std::string octal(mode_t mode)
{
	char text[8];

	std::snprintf(text, sizeof(text), "%04o", mode & 07777U);
	return text;
}

} // namespace

OtherWriters other_writers(const struct stat &status, const std::string &path)
{
	// a terminal is whoever types, and /dev/null anybody's
	if (S_ISCHR(status.st_mode))
		return {};
	if (status.st_mode & S_IWOTH)
		return {"mode " + octal(status.st_mode) +
				", which lets anybody write it",
			true, "chmod go-w " + path};
	if (status.st_uid && status.st_uid != geteuid())
		return {"the owner " + std::to_string(status.st_uid) +
				", who may write it",
			false, "chown root " + path};
	if (status.st_mode & S_IWGRP && status.st_gid)
		return {"mode " + octal(status.st_mode) + ", which lets group " +
				std::to_string(status.st_gid) + " write it",
			false, "chmod go-w " + path};
	return {};
}

} // namespace dsr
