// SPDX-License-Identifier: BSD-3-Clause
// What comes back to dsrctl probe: packets and responses of HTTP. Nothing is
// read beyond them, and what is said of them is on one line.
#include <cstring>
#include <memory>

#include "dsrctl/probe/heard.hpp"
#include "dsrctl/probe/http.hpp"
#include "fuzz.hpp"

namespace {

using namespace dsr::probe;

void check_packet(std::uint8_t *data, std::size_t size)
{
	dsr::Packet packet;

	packet.data = data;
	packet.captured = packet.length = static_cast<std::uint32_t>(size);
	packet.family = size && data[0] >> 4 == 6 ? dsr::Family::ip6 : dsr::Family::ip4;
	auto heard = hear(packet);

	if (!heard)
		return;
	EXPECT(heard->error.empty() == (heard->kind != Heard::Kind::error));
	EXPECT(heard->key.us.family == heard->from.family);
	EXPECT(heard->dscp < 64);
}

void check_response(std::string_view response)
{
	Check check;

	check.status_to = 399;
	check.body = "^(OK|ready)$";
	Answer answer = judge(check, response);
	EXPECT(!answer.text.empty());
	EXPECT(answer.text.find('\n') == answer.text.npos);
	if (answer.verdict == Verdict::ok)
		EXPECT(answer.status >= 200 && answer.status < 400);
	else
		EXPECT(is_failure(answer.verdict));
	is_enough(response);
}

} // namespace

// The first byte says what it is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	if (!size)
		return 0;
	// in memory of its own size, so that a sanitizer sees each byte beyond it
	auto bytes = std::make_unique<std::uint8_t[]>(size - 1);
	if (size > 1)
		std::memcpy(bytes.get(), data + 1, size - 1);
	if (data[0] & 1)
		check_packet(bytes.get(), size - 1);
	else
		check_response({reinterpret_cast<const char *>(bytes.get()), size - 1});
	return 0;
}
