// SPDX-License-Identifier: BSD-3-Clause
// A hash table of limited size, for what a packet is looked up in: nothing is
// allocated once it is made, and nothing is taken out.
#pragma once

#include <bit>
#include <cstddef>
#include <utility>
#include <vector>

namespace dsr {

// @Hash: a function object, whose low bits are used.
template <class Key, class Value, class Hash>
class FixedTable {
public:
	// @most: entries that it holds at least and at most
	explicit FixedTable(std::size_t most)
		: most_(most), mask_(std::bit_ceil(2 * most) - 1), places_(mask_ + 1)
	{
	}

	// Null when there is none.
	const Value *find(const Key &key) const
	{
		const Place &place = places_[place_of(key)];

		return place.used ? &place.value : nullptr;
	}

	Value *find(const Key &key) { return const_cast<Value *>(std::as_const(*this).find(key)); }

	// A new one if need be; null when there is no room.
	Value *add(const Key &key)
	{
		Place &place = places_[place_of(key)];

		if (!place.used) {
			if (count_ == most_)
				return nullptr;
			place.used = true;
			place.key = key;
			count_++;
		}
		return &place.value;
	}

	template <class Handler>
	void each(Handler handler) const
	{
		for (const Place &place : places_)
			if (place.used)
				handler(place.key, place.value);
	}

private:
	struct Place {
		Key key;
		Value value;
		bool used = false;
	};

	// Of the key, or the free one where it would go: half of all are free.
	std::size_t place_of(const Key &key) const
	{
		std::size_t at = Hash()(key) & mask_;

		while (places_[at].used && !(places_[at].key == key))
			at = (at + 1) & mask_;
		return at;
	}

	std::size_t most_, mask_, count_ = 0;
	std::vector<Place> places_;
};

} // namespace dsr
