# Compiler cache, linker, warnings and sanitizers: everything that is the same for each target.

find_program(CUPOLA_CCACHE ccache)
if(CUPOLA_CCACHE)
  # Paths relative to the source tree, so that two clones share what they compiled.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
               CCACHE_SLOPPINESS=pch_defines,time_macros ${CUPOLA_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

find_program(CUPOLA_MOLD mold)
if(CUPOLA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -fdiagnostics-color=auto)
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast> $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)
# Named initialisers leave out what has a default, on purpose.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-field-initializers>)
if(CUPOLA_WERROR)
  add_compile_options(-Werror)
endif()

if(CUPOLA_SANITIZE)
  add_compile_options(-fsanitize=${CUPOLA_SANITIZE} -fno-sanitize-recover=all)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # gcc's manual: with sanitizers this warning tells of what is not so.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  add_link_options(-fsanitize=${CUPOLA_SANITIZE})
else()
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2> -fstack-protector-strong)
endif()
