"""Lists that a person pastes as text, from a spreadsheet, a file or a message: lines, and the calls that they are."""
