# SPDX-License-Identifier: BSD-3-Clause
# cmake --build build --target uninstall: deletes what `cmake --install build`
# installed. DESTDIR is heeded as there.
set(manifest ${CMAKE_BINARY_DIR}/install_manifest.txt)
if(NOT EXISTS ${manifest})
  message(FATAL_ERROR "found no ${manifest}, which `cmake --install` writes: nothing is installed from here.")
endif()
file(STRINGS ${manifest} files)
foreach(file IN LISTS files)
  set(file $ENV{DESTDIR}${file})
  if(EXISTS ${file} OR IS_SYMLINK ${file})
    message(STATUS "Removing: ${file}")
    file(REMOVE ${file})
  else()
    message(STATUS "Is not there: ${file}")
  endif()
endforeach()
