# cmake -DOUTPUT=file.cpp "-DMIGRATIONS=a.sql;b.sql" -P embed_migrations.cmake
#
# Writes the C++ of db::builtin_migrations(): number, name and text of each file, by number.
list(SORT MIGRATIONS)
set(entries "")
foreach(file IN LISTS MIGRATIONS)
  get_filename_component(name ${file} NAME_WE)
  if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+$")
    message(FATAL_ERROR "${file} is not named NNNN_what_it_does.sql")
  endif()
  string(REGEX REPLACE "^0+" "" number ${CMAKE_MATCH_1})
  file(READ ${file} hex HEX)
  # As bytes, because compilers limit the length of a text literal.
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "constexpr unsigned char text_${number}[] = {${bytes}};\n")
  string(APPEND entries
         "      {${number}, \"${name}\",\n"
         "       {reinterpret_cast<const char*>(text_${number}), sizeof text_${number}}},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"db/migrations.h\"

namespace cupola::db {
namespace {
${arrays}}  // namespace

const std::vector<Migration>& builtin_migrations() {
  static const std::vector<Migration> migrations = {
${entries}  };
  return migrations;
}

}  // namespace cupola::db
")
