# prefork_add_plugin(NAME SOURCE...)
#
# A worker plugin: the module NAME.so, built as C++20 with hidden visibility and linked to prefork::prefork.
# The target is called NAME too; add to it what else it needs with target_link_libraries and the like.
function(prefork_add_plugin name)
  _prefork_plugin_target(${name} ${name} ${ARGN})
endfunction()

# The same with a target name of its own, for the prefork tree.
function(_prefork_plugin_target target name)
  add_library(${target} MODULE ${ARGN})
  target_link_libraries(${target} PRIVATE prefork::prefork)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(PREFORK_SANITIZE)
    # A server built with a sanitizer takes only plugins that are built with the same one.
    target_compile_options(${target} PRIVATE -fsanitize=${PREFORK_SANITIZE})
    target_link_options(${target} PRIVATE -fsanitize=${PREFORK_SANITIZE})
  else()
    # What a plugin lacks is told when it is linked, not when a worker loads it.
    target_link_options(${target} PRIVATE -Wl,--no-undefined)
  endif()
endfunction()
