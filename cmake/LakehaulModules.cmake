# One static library per folder of src/, which may include only what it links: the modules named in DEPENDS.

# lakehaul_module(NAME base SOURCES a.c b.c DEPENDS codec column LIBRARIES PkgConfig::zstd)
function(lakehaul_module)
  cmake_parse_arguments(M "" "NAME" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(lh_${M_NAME} STATIC ${M_SOURCES})
  target_include_directories(lh_${M_NAME} PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(lh_${M_NAME} PRIVATE lakehaul_flags)
  foreach(dep IN LISTS M_DEPENDS)
    target_link_libraries(lh_${M_NAME} PUBLIC lh_${dep})
  endforeach()
  target_link_libraries(lh_${M_NAME} PUBLIC ${M_LIBRARIES})
endfunction()

# lakehaul_unit_test(test_arena MODULES base [SOURCES extra.c]): builds <name>.c with cmocka and registers it.
function(lakehaul_unit_test name)
  cmake_parse_arguments(T "" "" "MODULES;SOURCES" ${ARGN})
  add_executable(${name} ${name}.c ${T_SOURCES})
  target_link_libraries(${name} PRIVATE lakehaul_flags PkgConfig::cmocka)
  foreach(module IN LISTS T_MODULES)
    target_link_libraries(${name} PRIVATE lh_${module})
  endforeach()
  add_test(NAME ${name} COMMAND ${name})
endfunction()
