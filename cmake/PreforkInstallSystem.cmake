# systemd's units and logrotate's file. They name the programs, whose place is known only when they are installed
# (cmake --install --prefix), so they are filled in then. A packager has them where systemd and logrotate look by
# -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_SYSCONFDIR=/etc.
set(PREFORK_INSTALL_UNITDIR lib/systemd/system CACHE PATH "Where systemd's units are installed")
set(system_dir ${PROJECT_SOURCE_DIR}/scripts/systemd)

foreach(dir BINDIR DOCDIR SYSCONFDIR)
  install(CODE "set(PREFORK_${dir} \"${CMAKE_INSTALL_${dir}}\")
cmake_path(ABSOLUTE_PATH PREFORK_${dir} BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")")
endforeach()
install(CODE "configure_file(${system_dir}/prefork.service.in ${PROJECT_BINARY_DIR}/package/prefork.service @ONLY)
configure_file(${system_dir}/prefork.logrotate.in ${PROJECT_BINARY_DIR}/package/prefork.logrotate @ONLY)")
install(FILES ${PROJECT_BINARY_DIR}/package/prefork.service ${system_dir}/prefork.socket
  DESTINATION ${PREFORK_INSTALL_UNITDIR})
install(FILES ${PROJECT_BINARY_DIR}/package/prefork.logrotate DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/logrotate.d
  RENAME prefork)
