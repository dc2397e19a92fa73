# SPDX-License-Identifier: BSD-3-Clause
# Sourced by booted: the tests of the Debian packages, as Debian's own
# infrastructure runs them, of what is installed.

autopkgtests()
{
	local source=/run/source output=/run/autopkgtest

	step "autopkgtest: the modules are built by DKMS, dsrctl works"
	mkdir "$source"
	cp -r "$tree/tools/packaging/debian" "$source"
	autopkgtest --no-built-binaries --output-dir "$output" "$source" -- null \
		>/run/autopkgtest.log 2>&1 || fail "$(tail -n 50 /run/autopkgtest.log)"
	assert_equal "what passed" "$(sort "$output/summary" | xargs)" "dkms PASS smoke PASS"
	rm -r "$source"
}
