# Install rules: the program in bin, and DuckDB's library beside it in lib/lakehaul, where the program looks by a
# path relative to itself, so that PREFIX and DESTDIR can be anything. DuckDB's extension for S3 lies beside its library,
# where the program looks for it. A DuckDB of the system stays where it is.
# Included after src, which defines the target `lakehaul`.

if(TARGET lakehaul)
  set_target_properties(lakehaul PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/lakehaul")
  install(TARGETS lakehaul RUNTIME DESTINATION bin)
  cmake_path(IS_PREFIX LAKEHAUL_DUCKDB_DIR "${DUCKDB_LIBRARY}" lakehaul_ships_duckdb)
  if(lakehaul_ships_duckdb)
    install(FILES "${DUCKDB_LIBRARY}" DESTINATION lib/lakehaul PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
                                                                 GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
    install(FILES "${LAKEHAUL_DUCKDB_DIR}/httpfs.duckdb_extension" DESTINATION lib/lakehaul)
  endif()
endif()
