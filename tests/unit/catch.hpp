// SPDX-License-Identifier: BSD-3-Clause
// Catch2 2 (Debian 11 and 12) and 3 (later) name their headers differently.
#pragma once
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
