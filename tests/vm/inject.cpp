// SPDX-License-Identifier: BSD-3-Clause
// inject CAPTURE DEVICE: sends the frames of a capture, one after the other.
#include <iostream>
#include <memory>

#include "capture.hpp"

namespace {

void inject(const char *capture, const char *device)
{
	char message[PCAP_ERRBUF_SIZE];
	std::unique_ptr<pcap_t, decltype(&pcap_close)> out(
		pcap_open_live(device, 0, 0, 0, message), pcap_close);
	if (!out)
		throw replay::Error(message);

	replay::CaptureReader in(capture);
	replay::Frame frame;
	while (in.next(frame)) {
		if (pcap_inject(out.get(), frame.data, frame.captured) < 0)
			throw replay::Error(pcap_geterr(out.get()));
	}
	if (in.damage())
		throw replay::Error(in.damage()->message);
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 3) {
		std::cerr << "Usage: inject CAPTURE DEVICE\n";
		return 2;
	}
	inject(argv[1], argv[2]);
} catch (const std::exception &error) {
	std::cerr << "inject: " << error.what() << '\n';
	return 2;
}
