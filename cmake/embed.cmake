# glimmer_embed(OUT_VAR SYMBOL FILE...)
#
# Writes a .cc that defines `const std::vector<glimmer::base::EmbeddedFile>& SYMBOL()` with the
# files' names (without folder and ending) and texts, and puts its path into OUT_VAR.
function(glimmer_embed out_var symbol)
  set(entries "")
  foreach(path IN LISTS ARGN)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    get_filename_component(stem ${path} NAME_WE)
    file(READ ${path} text)
    string(APPEND entries "      {\"${stem}\", R\"EMBED(${text})EMBED\"},\n")
  endforeach()
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.cc)
  file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT
"#include \"base/embedded.h\"
namespace glimmer::base {
const std::vector<EmbeddedFile>& ${symbol}() {
  static const std::vector<EmbeddedFile> files = {
${entries}  };
  return files;
}
}  // namespace glimmer::base
")
  set(${out_var} ${generated} PARENT_SCOPE)
endfunction()
