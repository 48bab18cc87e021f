# Libraries. All but DuckDB come from the system through pkg-config; DuckDB from LAKEHAUL_DUCKDB_DIR
# (filled by scripts/fetch-duckdb.sh), or from the system where it is installed there.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
foreach(library libpq libzstd liblz4 libdeflate yaml-0.1 jansson libxxhash libcrypto libcurl expat)
  string(REPLACE "-0.1" "" target "${library}")
  pkg_check_modules(${target} REQUIRED IMPORTED_TARGET ${library})
endforeach()

# Debian's snappy ships no .pc file.
find_path(SNAPPY_INCLUDE_DIR snappy-c.h REQUIRED)
find_library(SNAPPY_LIBRARY snappy REQUIRED)
add_library(snappy::snappy UNKNOWN IMPORTED)
set_target_properties(snappy::snappy PROPERTIES IMPORTED_LOCATION "${SNAPPY_LIBRARY}"
                                                INTERFACE_INCLUDE_DIRECTORIES "${SNAPPY_INCLUDE_DIR}")

if(LAKEHAUL_TESTS)
  pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
endif()

set(LAKEHAUL_DUCKDB_DIR "${CMAKE_SOURCE_DIR}/.deps/duckdb" CACHE PATH "folder with libduckdb.so and duckdb.h")
find_path(DUCKDB_INCLUDE_DIR duckdb.h HINTS "${LAKEHAUL_DUCKDB_DIR}")
find_library(DUCKDB_LIBRARY duckdb HINTS "${LAKEHAUL_DUCKDB_DIR}")
if(NOT DUCKDB_INCLUDE_DIR OR NOT DUCKDB_LIBRARY)
  message(FATAL_ERROR "libduckdb not found: run scripts/setup.sh, or install DuckDB's C library and header")
endif()
add_library(duckdb::duckdb SHARED IMPORTED)
set_target_properties(duckdb::duckdb PROPERTIES IMPORTED_LOCATION "${DUCKDB_LIBRARY}"
                                                INTERFACE_INCLUDE_DIRECTORIES "${DUCKDB_INCLUDE_DIR}")
