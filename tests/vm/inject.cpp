// SPDX-License-Identifier: BSD-3-Clause
// inject CAPTURE DEVICE [NUMBERS]: sends the frames of a capture, one after the
// other; with NUMBERS, a file, only those whose number (from 1) it has, in
// ascending order.
#include <pcap/pcap.h>

#include <fstream>
#include <iostream>
#include <memory>

#include "replay/capture.hpp"

using namespace dsr;

namespace {

void inject(const char *capture, const char *device, const char *numbers)
{
	char message[PCAP_ERRBUF_SIZE];
	std::unique_ptr<pcap_t, decltype(&pcap_close)> out(pcap_open_live(device, 0, 0, 0, message),
							   pcap_close);
	if (!out)
		throw Error(message);

	std::ifstream wanted;
	if (numbers)
		wanted.open(numbers);
	unsigned long next = 0, number = 0;

	replay::CaptureReader in(capture);
	Frame frame;
	while (in.next(frame)) {
		number++;
		if (numbers && next < number && !(wanted >> next))
			break;
		if (numbers && next != number)
			continue;
		if (pcap_inject(out.get(), frame.data, frame.captured) < 0)
			throw Error(pcap_geterr(out.get()));
	}
	if (in.damage())
		throw Error(in.damage()->message);
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 3 && argc != 4) {
		std::cerr << "Usage: inject CAPTURE DEVICE [NUMBERS]\n";
		return 2;
	}
	inject(argv[1], argv[2], argc == 4 ? argv[3] : nullptr);
} catch (const std::exception &error) {
	std::cerr << "inject: " << error.what() << '\n';
	return 2;
}
