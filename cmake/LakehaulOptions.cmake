# Compiler flags in one place: the interface target lakehaul_flags, which every module links.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(LAKEHAUL_TESTS "build the unit tests" ON)
option(LAKEHAUL_PROBES "build the programs that tests drive modules with, where unit tests are not built" OFF)
option(LAKEHAUL_WERROR "warnings are errors (CI)" OFF)
option(LAKEHAUL_FUZZ "fuzz targets search with libFuzzer instead of replaying their corpora; clang alone" OFF)
set(LAKEHAUL_SANITIZE "" CACHE STRING "sanitizers, comma-separated: address,undefined or thread")

add_library(lakehaul_flags INTERFACE)
target_compile_definitions(lakehaul_flags INTERFACE _GNU_SOURCE LAKEHAUL_VERSION="${PROJECT_VERSION}")
target_compile_options(lakehaul_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
  -Wvla -Wformat=2 -fno-strict-aliasing $<$<BOOL:${LAKEHAUL_WERROR}>:-Werror>)

if(LAKEHAUL_SANITIZE)
  target_compile_options(lakehaul_flags INTERFACE -fsanitize=${LAKEHAUL_SANITIZE} -fno-omit-frame-pointer
                                                  -fno-sanitize-recover=all)
  target_link_options(lakehaul_flags INTERFACE -fsanitize=${LAKEHAUL_SANITIZE})
else()
  target_compile_options(lakehaul_flags INTERFACE
    -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
    $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=3>)
  target_link_options(lakehaul_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)
endif()
