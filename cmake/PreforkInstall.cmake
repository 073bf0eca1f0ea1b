# What `cmake --install` puts where, and the find_package(prefork) package. Plugins of the tree install
# themselves (prefork_plugin).
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/prefork)

# All that is to be built before `cmake --install`, beside the services, for who builds no tests (scripts/demo.sh).
add_custom_target(prefork_installed DEPENDS prefork-master preforkctl prefork prefork_testing)
install(TARGETS prefork-master preforkctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS prefork EXPORT prefork-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS prefork_testing EXPORT prefork-testing-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/framework/include/prefork DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.hpp")
# The documents keep their places, so that the links from one to the other lead somewhere.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN build EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/services DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "README.md")
foreach(file README.md CHANGELOG.md CONTRIBUTING.md LICENSE)
  install(FILES ${PROJECT_SOURCE_DIR}/${file} DESTINATION ${CMAKE_INSTALL_DOCDIR})
endforeach()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/prefork-config.cmake.in
  ${PROJECT_BINARY_DIR}/package/prefork-config.cmake INSTALL_DESTINATION ${package_dir}
  PATH_VARS CMAKE_INSTALL_BINDIR PREFORK_INSTALL_PLUGINDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/prefork-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(EXPORT prefork-targets NAMESPACE prefork:: DESTINATION ${package_dir})
install(EXPORT prefork-testing-targets NAMESPACE prefork:: DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/package/prefork-config.cmake
  ${PROJECT_BINARY_DIR}/package/prefork-config-version.cmake ${PROJECT_SOURCE_DIR}/cmake/PreforkPlugin.cmake
  DESTINATION ${package_dir})

include(PreforkInstallSystem)
