// SPDX-License-Identifier: BSD-3-Clause
// Do the load balancer's configuration and the servers' say the same?
#pragma once

#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

// What differs, each with file and line; none: they agree. @site: what the
// servers have, @entries included that no load balancer marks. Real servers
// are compared when the site has some.
std::vector<std::string> differences(const std::vector<Entry> &entries,
				     const Site &site, const Reading &reading,
				     const std::string &file);

} // namespace dsr::lb
