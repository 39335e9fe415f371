# npm_packages(variable "Packages of the page")
#
# The packages that package-lock.json of the calling folder names, installed beside it (outside of the build directory, so that all
# presets share them) when it has changed. Sets `variable` to a file that stands for all of them; npm itself writes it.
function(npm_packages variable what)
  set(packages ${CMAKE_CURRENT_SOURCE_DIR}/node_modules/.package-lock.json)
  add_custom_command(OUTPUT ${packages}
    COMMAND ${NPM} ci --ignore-scripts --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${packages}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    DEPENDS package.json package-lock.json
    COMMENT "${what}" VERBATIM)
  set(${variable} ${packages} PARENT_SCOPE)
endfunction()
