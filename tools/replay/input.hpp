// SPDX-License-Identifier: BSD-3-Clause
// The bytes of a file, unpacked where its content says that it is packed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/descriptor.hpp"

namespace dsr::replay {

class Unpacker;

// "-" is standard input. The constructor throws Error.
class Input {
public:
	explicit Input(const std::string &path);
	Input(Descriptor descriptor, const std::string &name);
	~Input();
	Input(const Input &) = delete;
	Input &operator=(const Input &) = delete;

	// Waits for at least one byte, and returns how many there are in @to
	// then, which is of 4 bytes at least. 0 at the end, and when error()
	// says why there are no more.
	std::size_t read(std::span<std::uint8_t> to);
	const std::string &error() const { return error_; }

	const std::string &name() const { return name_; }
	int descriptor() const { return descriptor_.get(); }

private:
	std::size_t read_raw(std::span<std::uint8_t> to);
	std::size_t read_first(std::span<std::uint8_t> to);

	std::string name_, error_;
	Descriptor descriptor_;
	bool begun_ = false;
	std::unique_ptr<Unpacker> unpacker_;
	std::vector<std::uint8_t> packed_; // what the unpacker reads
};

} // namespace dsr::replay
