// SPDX-License-Identifier: BSD-3-Clause
#include "replay/explain.hpp"

#include <algorithm>

#include "common/dscp.hpp"
#include "common/link.hpp"

namespace dsr::replay {

namespace {

struct Field {
	std::string name, value;
};

std::string formatted(const char *format, unsigned long value)
{
	char buffer[64];

	std::snprintf(buffer, sizeof(buffer), format, value);
	return buffer;
}

std::string number(unsigned long value)
{
	return std::to_string(value);
}

// Describes what is captured of a packet, from the first header to the last.
class Describer {
public:
	explicit Describer(const Packet &packet) : packet_(packet)
	{
		if (packet.family == Family::ip4)
			ip4();
		else
			ip6();
	}

	std::vector<Field> fields;

private:
	void put(const std::string &name, const std::string &value)
	{
		fields.push_back({name, value});
	}

	bool has(std::uint32_t end)
	{
		if (packet_.captures(end))
			return true;
		put("…", packet_.holds(end) ? "the capture ends here" : "the packet ends here");
		return false;
	}

	void ip4()
	{
		const std::uint8_t *ip = packet_.data;

		if (!has(20))
			return;
		std::uint16_t fragment = load16(ip + 6);
		put("version", number(ip[0] >> 4));
		put("header length", number((ip[0] & 0x0f) * 4));
		traffic_class(ip[1]);
		put("total length", number(load16(ip + 2)));
		put("identification", formatted("0x%04lx", load16(ip + 4)));
		put("fragment", fragment_text((fragment & 0x1fff) * 8, fragment & 0x2000) +
					(fragment & 0x4000 ? ", don't fragment" : ""));
		put("time to live", number(ip[8]));
		put("protocol", number(ip[9]));
		put("header checksum", formatted("0x%04lx", load16(ip + 10)));
		addresses();
		if (fragment & 0x1fff)
			put("payload", "of a later fragment");
		else
			transport((ip[0] & 0x0fU) * 4, ip[9]);
	}

	void ip6()
	{
		const std::uint8_t *ip = packet_.data;
		std::uint32_t offset = 40;

		if (!has(40))
			return;
		put("version", number(ip[0] >> 4));
		traffic_class(static_cast<std::uint8_t>(ip[0] << 4 | ip[1] >> 4));
		put("flow label", formatted("0x%05lx", load32(ip) & 0xfffff));
		put("payload length", number(load16(ip + 4)));
		put("next header", number(ip[6]));
		put("hop limit", number(ip[7]));
		addresses();
		for (std::uint8_t protocol = ip[6];;) {
			const std::uint8_t *header = ip + offset;
			std::uint32_t length = 8;

			if (!is_extension(protocol)) {
				transport(offset, protocol);
				return;
			}
			if (!has(offset + 4))
				return;
			extension(protocol, header, offset);
			if (protocol == 44 && load16(header + 2) & 0xfff8) {
				put("payload", "of a later fragment");
				return;
			}
			if (protocol == 51)
				length = (header[1] + 2U) * 4;
			else if (protocol != 44)
				length = (header[1] + 1U) * 8;
			protocol = header[0];
			offset += length;
		}
	}

	static bool is_extension(std::uint8_t header)
	{
		return header == 0 || header == 43 || header == 44 || header == 51 || header == 60;
	}

	static std::string fragment_text(std::uint32_t offset, bool more)
	{
		return "offset " + number(offset) + (more ? ", more follow" : "");
	}

	void extension(std::uint8_t protocol, const std::uint8_t *header, std::uint32_t offset)
	{
		std::string at = "at " + number(offset);

		switch (protocol) {
		case 0:
			put("hop-by-hop header", at);
			break;
		case 43:
			put("routing header", at + ", type " + number(header[2]) +
						      ", segments left " + number(header[3]));
			break;
		case 44:
			put("fragment header",
			    at + ", " + fragment_text(load16(header + 2) & 0xfff8, header[3] & 1));
			break;
		case 51:
			put("authentication header", at);
			break;
		default:
			put("destination options", at);
		}
	}

	void traffic_class(std::uint8_t tos)
	{
		put("DSCP", dscp_text(tos >> 2).substr(5));
		put("ECN", number(tos & 3));
	}

	void addresses()
	{
		put("source", text(source_of(packet_)));
		put("destination", text(destination_of(packet_)));
	}

	void transport(std::uint32_t offset, std::uint8_t protocol)
	{
		const std::uint8_t *header = packet_.data + offset;
		std::uint32_t check;

		put("transport", "protocol " + number(protocol) + " at " + number(offset));
		switch (protocol) {
		case 6:
			check = 16;
			break;
		case 17:
		case 33:
		case 136:
			check = 6;
			break;
		case 58:
			check = 2;
			break;
		default:
			return;
		}
		if (protocol != 58) {
			if (!has(offset + 4))
				return;
			put("source port", number(load16(header)));
			put("destination port", number(load16(header + 2)));
		}
		if (has(offset + check + 2))
			put("transport checksum", formatted("0x%04lx", load16(header + check)));
	}

	const Packet &packet_;
};

std::string put_fields(const std::vector<Field> &before, const std::vector<Field> &after)
{
	std::string result;

	for (std::size_t i = 0; i < before.size(); i++) {
		std::string name = before[i].name;

		name.resize(std::max<std::size_t>(name.size(), 22), ' ');
		result += "  " + name + " " + before[i].value;
		if (i < after.size() && after[i].value != before[i].value)
			result += "  ->  " + after[i].value;
		result += "\n";
	}
	return result;
}

std::string hex(const std::uint8_t *data, std::size_t first, std::size_t last)
{
	std::string result;

	for (std::size_t i = first; i < last; i++)
		result += formatted(i == first ? "%02lx" : " %02lx", data[i]);
	return result;
}

std::string put_changes(const std::vector<std::uint8_t> &before, const Frame &after, std::size_t ip)
{
	std::string result;

	for (std::size_t i = 0; i < before.size(); i++) {
		std::size_t first = i;

		while (i < before.size() && before[i] != after.data[i])
			i++;
		if (first == i)
			continue;
		result += "  byte " + number(first) + " (" + number(first - ip) +
			  " of the packet): " + hex(before.data(), first, i) + "  ->  " +
			  hex(after.data, first, i) + "\n";
	}
	return result.empty() ? "  none\n" : result;
}

} // namespace

std::string explain_frame(Engine &engine, const Frame &frame, std::uint64_t packet_number)
{
	const std::vector<std::uint8_t> before(frame.data, frame.data + frame.captured);
	std::vector<Field> old_fields;
	std::string result;
	Packet packet;
	Trace trace;

	result = "packet " + std::to_string(packet_number) + ": " + number(frame.length) + " bytes";
	if (frame.captured != frame.length)
		result += ", " + number(frame.captured) + " captured";
	result += ", link type " + link_name(frame.interface->link_type) + "\n";

	bool ip = find_packet(frame, packet) == Link::ip;
	if (ip) {
		result += std::string("  ") + name(packet.family) + " from byte " +
			  number(static_cast<unsigned long>(packet.data - frame.data)) + "\n";
		old_fields = Describer(packet).fields;
	}
	bool kept = engine.process_any(frame, &trace);
	if (ip)
		result += "\nfields (before -> after)\n" +
			  put_fields(old_fields, Describer(packet).fields);
	result += "\ndecisions\n";
	for (const std::string &line : trace)
		result += "  " + line + "\n";
	result += "\nchanged bytes\n";
	if (kept)
		result += put_changes(before, frame,
				      static_cast<std::size_t>(ip ? packet.data - frame.data : 0));
	else
		result += "  the packet is dropped: not in the output\n";
	return result;
}

} // namespace dsr::replay
