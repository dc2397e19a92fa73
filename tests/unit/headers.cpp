// SPDX-License-Identifier: BSD-3-Clause
// What is compiled for the headers that all unit tests share: see CMakeLists.txt.
