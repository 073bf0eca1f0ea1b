# cmake -DPAGE=page.html -DSOURCE=page.cpp -DHEADER=services/NAME/page.hpp -DNAMESPACE=NAME::page -P embed_page.cmake
#
# Writes a page as the source of what HEADER declares (kHtml, kPolicy, kTag), with the hashes of its one <style> and its one <script>
# (Content Security Policy Level 3, 2.3.1).

# The base64 text (RFC 4648) of 32 bytes that are given as hexadecimal digits.
function(base64_of_sha256 digits result)
  set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  string(APPEND digits "00")  # two bits of padding and six that '=' stands for
  set(text "")
  foreach(at RANGE 0 63 3)
    string(SUBSTRING "${digits}" ${at} 3 three)
    math(EXPR first "0x${three} >> 6")
    math(EXPR second "0x${three} & 63")
    string(SUBSTRING "${alphabet}" ${first} 1 first)
    string(SUBSTRING "${alphabet}" ${second} 1 second)
    string(APPEND text "${first}${second}")
  endforeach()
  string(SUBSTRING "${text}" 0 43 text)
  set(${result} "${text}=" PARENT_SCOPE)
endfunction()

function(source_of element result)
  string(FIND "${page}" "<${element}>" begin)
  string(FIND "${page}" "<${element}>" last REVERSE)
  string(FIND "${page}" "</${element}>" end)
  if(begin EQUAL -1 OR NOT begin EQUAL last OR end LESS begin)
    message(FATAL_ERROR "${PAGE} must have one <${element}> without attributes")
  endif()
  string(LENGTH "<${element}>" tag)
  math(EXPR begin "${begin} + ${tag}")
  math(EXPR length "${end} - ${begin}")
  string(SUBSTRING "${page}" ${begin} ${length} text)
  string(SHA256 digits "${text}")
  base64_of_sha256(${digits} base64)
  set(${result} "'sha256-${base64}'" PARENT_SCOPE)
endfunction()

file(READ "${PAGE}" page)
string(FIND "${page}" ")page\"" stop)
if(NOT stop EQUAL -1)
  message(FATAL_ERROR "${PAGE} holds what would end the string that it is put into")
endif()
source_of(style style)
source_of(script script)
string(SHA256 tag "${page}")
string(SUBSTRING "${tag}" 0 16 tag)
string(CONCAT policy "default-src 'none'; style-src ${style}; script-src ${script}; connect-src 'self'; "
  "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
file(WRITE "${SOURCE}" "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\n"
  "const std::string_view kHtml = R\"page(${page})page\";\n"
  "const std::string_view kPolicy = \"${policy}\";\n"
  "const std::string_view kTag = \"\\\"${tag}\\\"\";\n\n}  // namespace ${NAMESPACE}\n")
