"""Do edits do what was asked, and only that? Labels of pictures (`measure`), figures (`metrics`), `reports` of them."""
